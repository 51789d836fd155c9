import type { Cluster, Machine } from './cluster/cluster.ts'
import { contentIn, writtenIn } from './cluster/simulated-disk.ts'

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
  readonly #cluster: Cluster
  /** By owner and name: files of lost disks. */
  readonly #orphans = new Map<string, ExpectedFile>()
  /** Files that may be kept or not: they were not safe when their disk was lost. */
  readonly #unsafe = new Map<string, ExpectedFile>()
  /** Contents that no disk had any more. */
  readonly #lost = new Set<string>()
  /** Names that a user has unshared; `false` while the answer is unknown. */
  readonly #unshared = new Map<string, boolean>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The owner has a new content of this name; a push shares a name again. */
  onChanged(owner: string, name: string, { isPush = false } = {}): void {
    const key = `${owner}/${name}`
    this.#orphans.delete(key)
    this.#unsafe.delete(key)
    if (isPush) this.#unshared.delete(key)
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
    const isElsewhere = (sha256: string): boolean =>
      this.#cluster.machines.some((other) => other !== machine && hasContent(other, sha256))
    for (const { sha256 } of this.wanted) if (!isElsewhere(sha256)) this.#lost.add(sha256)
    for (const file of this.#sharedBy(machine)) {
      const files = isElsewhere(file.sha256) && isSafe(file) ? this.#orphans : this.#unsafe
      files.set(`${file.owner}/${file.name}`, file)
    }
  }

  get wanted(): ExpectedFile[] {
    return this.#all.filter(({ sha256 }) => !this.#isLost(sha256))
  }

  /** Files that may be kept or not. */
  get doubtful(): ExpectedFile[] {
    const unanswered = this.#cluster.machines
      .flatMap((machine) => this.#filesOf(machine))
      .filter(({ owner, name }) => this.#unshared.get(`${owner}/${name}`) === false)
    const lost = this.#all.filter(({ sha256 }) => this.#isLost(sha256))
    return [...this.#unsafe.values(), ...unanswered, ...lost]
  }

  isWanted(sha256: string): boolean {
    return this.wanted.some((file) => file.sha256 === sha256)
  }

  get #all(): ExpectedFile[] {
    const shared = this.#cluster.machines.flatMap((machine) => this.#sharedBy(machine))
    return [...shared, ...this.#orphans.values()]
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
