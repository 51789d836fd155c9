import type { Cluster, Machine } from './cluster/cluster.ts'
import { contentIn, writtenIn } from './cluster/simulated-disk.ts'
import { ExpectedRules } from './expected-rules.ts'

/** A file with one content, as a user thinks of it. */
export interface ExpectedFile {
  readonly owner: string
  readonly name: string
  readonly sha256: string
}

/**
 * The files that the cluster must keep: what is on the disks in shared/ and not unshared, and of a
 * lost disk what was safe when it was lost.
 */
export class Expectations {
  readonly rules: ExpectedRules
  readonly #cluster: Cluster
  /** By owner and name: files of lost disks. */
  readonly #orphans = new Map<string, ExpectedFile>()
  /** Files that may be kept or not: they were not safe when their disk was lost. */
  readonly #unsafe = new Map<string, ExpectedFile>()
  /** Contents that no disk had any more. */
  readonly #lost = new Set<string>()
  /** Names that a user has unshared; `false` while the answer is unknown. */
  readonly #unshared = new Map<string, boolean>()
  /** Files whose push was acknowledged, by owner, name and content. */
  readonly #acknowledged = new Set<string>()
  /** By content: all names that files with it have had. */
  readonly #names = new Map<string, Set<string>>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
    this.rules = new ExpectedRules(cluster)
  }

  /** The owner has a new content of this name; a push shares a name again. */
  onChanged(owner: string, name: string, { isPush = false } = {}): void {
    const key = `${owner}/${name}`
    this.#orphans.delete(key)
    this.#unsafe.delete(key)
    if (isPush) this.#unshared.delete(key)
    const machine = this.#cluster.machines.find(({ peerId }) => peerId === owner)
    const file = machine?.disk.files.get(`/${owner}/shared/${name}`)
    if (file === undefined) return
    const sha256 = writtenIn(file)
    this.#names.set(sha256, (this.#names.get(sha256) ?? new Set()).add(name))
  }

  onAcknowledged({ owner, name, sha256 }: ExpectedFile): void {
    this.#acknowledged.add(`${owner}/${name} ${sha256}`)
  }

  isAcknowledged({ owner, name, sha256 }: ExpectedFile): boolean {
    return this.#acknowledged.has(`${owner}/${name} ${sha256}`)
  }

  /** A user unshares a name. */
  onUnshare(owner: string, name: string, isAnswered: boolean): void {
    const key = `${owner}/${name}`
    this.#unshared.set(key, isAnswered)
    if (isAnswered) this.#orphans.delete(key)
  }

  /**
   * The disk of a machine is about to be lost. `isSafe`: the index knew as many copies of a file as
   * its factor.
   */
  onDiskLost(machine: Machine, isSafe: (file: ExpectedFile) => boolean): void {
    this.rules.onDiskLost()
    const isElsewhere = (sha256: string): boolean =>
      this.#cluster.machines.some((other) => other !== machine && hasContent(other, sha256))
    for (const { sha256 } of this.wanted) if (!isElsewhere(sha256)) this.#lost.add(sha256)
    // Whether the index has heard of it will never be known.
    for (const file of this.#filesOf(machine).filter((one) => this.#isUnanswered(one)))
      this.#unsafe.set(`${file.owner}/${file.name}`, file)
    for (const file of this.#deletedAt(machine))
      this.#unsafe.set(`${file.owner}/${file.name} ${file.sha256}`, file)
    for (const file of this.#sharedBy(machine)) {
      const files = isElsewhere(file.sha256) && isSafe(file) ? this.#orphans : this.#unsafe
      files.set(`${file.owner}/${file.name}`, file)
    }
  }

  /**
   * The index lists a file of a disk that is about to be lost: if it was deleted there, the index may
   * never learn of that.
   */
  onListed(file: ExpectedFile): void {
    const { owner, name, sha256 } = file
    const machine = this.#cluster.machines.find(({ peerId }) => peerId === owner)
    const there = machine?.disk.files.get(`/${owner}/shared/${name}`)
    if (there === undefined || writtenIn(there) !== sha256)
      this.#unsafe.set(`${owner}/${name} ${sha256}`, file)
  }

  /** The disk of the index is lost: it can learn only the names under which replicas are kept. */
  onIndexLost(): void {
    this.rules.onIndexLost()
    for (const [key, file] of this.#orphans) {
      const paths = [
        `/replicated/${key}`,
        `/replicated/.replaced/${file.owner}/${file.sha256}/${file.name}`,
      ]
      const isKept = this.#cluster.machines.some(({ disk, peerId }) =>
        paths.some((path) => disk.files.has(`/${peerId}${path}`)),
      )
      if (isKept) continue
      this.#orphans.delete(key)
      this.#unsafe.set(key, file)
    }
  }

  /** A peer has dropped a copy with permission: the last one of few may have been lost meanwhile. */
  onDropped(sha256: string): void {
    if (!this.#cluster.machines.some((machine) => hasContent(machine, sha256)))
      this.#lost.add(sha256)
  }

  /**
   * The fewest copies of a content that its files may want now, and the most that any file with it
   * may have wanted.
   */
  factorsOf(sha256: string): { readonly least: number; readonly most: number } {
    const { rules } = this
    if (!rules.areSettled) return { least: 1, most: Infinity }
    const names = this.#names.get(sha256) ?? []
    const wanted = this.wanted.filter((file) => file.sha256 === sha256)
    return {
      least: Math.max(1, ...wanted.map(({ name }) => rules.factorOf(name))),
      most: Math.max(...Array.from(names, (name) => rules.factorOf(name))),
    }
  }

  get wanted(): ExpectedFile[] {
    return this.#all.filter(({ sha256 }) => !this.#isLost(sha256))
  }

  /** Files that may be kept or not. */
  get doubtful(): ExpectedFile[] {
    const unanswered = this.#cluster.machines
      .flatMap((machine) => this.#filesOf(machine))
      .filter((file) => this.#isUnanswered(file))
    const lost = this.#all.filter(({ sha256 }) => this.#isLost(sha256))
    return [...this.#unsafe.values(), ...unanswered, ...lost]
  }

  /** Files that should have more copies than there are peers. */
  get unreachable(): ExpectedFile[] {
    const peers = this.#cluster.machines.filter(({ isGone }) => !isGone).length
    return [...this.wanted, ...this.doubtful].filter(
      ({ name }) => this.rules.factorOf(name) > peers,
    )
  }

  /** How many contents there have ever been. */
  get contentCount(): number {
    return this.#names.size
  }

  isWanted(sha256: string): boolean {
    return this.wanted.some((file) => file.sha256 === sha256)
  }

  get #all(): ExpectedFile[] {
    const shared = this.#cluster.machines.flatMap((machine) => this.#sharedBy(machine))
    return [...shared, ...this.#orphans.values()]
  }

  /** Files that others keep and that are gone at their owner: the index may never learn of that. */
  #deletedAt({ disk, peerId: owner }: Machine): ExpectedFile[] {
    return this.#cluster.machines.flatMap((other) => {
      const folder = `/${other.peerId}/replicated/${owner}/`
      return [...other.disk.files]
        .filter(([path]) => path.startsWith(folder))
        .map(([path, file]) => ({ name: path.slice(folder.length), sha256: writtenIn(file) }))
        .filter(({ name }) => !disk.files.has(`/${owner}/shared/${name}`))
        .map(({ name, sha256 }) => ({ owner, name, sha256 }))
    })
  }

  /** Whether a user asked to unshare it, and was not answered. */
  #isUnanswered({ owner, name }: ExpectedFile): boolean {
    return this.#unshared.get(`${owner}/${name}`) === false
  }

  /** A content that was lost may have been written again. */
  #isLost(sha256: string): boolean {
    if (!this.#lost.has(sha256)) return false
    return !this.#cluster.machines.some((machine) => hasContent(machine, sha256))
  }

  #sharedBy(machine: Machine): ExpectedFile[] {
    return this.#filesOf(machine).filter(
      ({ owner, name }) => !this.#unshared.has(`${owner}/${name}`),
    )
  }

  #filesOf({ disk, peerId: owner }: Machine): ExpectedFile[] {
    const folder = `/${owner}/shared/`
    return [...disk.files]
      .filter(([path]) => path.startsWith(folder))
      .map(([path, file]) => ({ owner, name: path.slice(folder.length), sha256: writtenIn(file) }))
  }
}

/** Whether a disk has all bytes of a content, as what file ever. */
export function hasContent({ disk }: Machine, sha256: string): boolean {
  return disk.files.values().some(({ bytes }) => contentIn(bytes).content.sha256 === sha256)
}

/** The same, also if the bytes have rotted since. */
export function hadContent({ disk }: Machine, sha256: string): boolean {
  return disk.files.values().some((file) => writtenIn(file) === sha256)
}
