import type { Cluster, Machine } from './cluster/cluster.ts'
import { contentIn } from './cluster/simulated-disk.ts'

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
  /** Files of lost disks that were not safe: they may be kept or not. */
  readonly #doubtful = new Map<string, ExpectedFile>()
  /** Names that a user has unshared; `false` while the answer is unknown. */
  readonly #unshared = new Map<string, boolean>()

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** The owner has a new content of this name; a push shares a name again. */
  onChanged(owner: string, name: string, { isPush = false } = {}): void {
    const key = `${owner}/${name}`
    this.#orphans.delete(key)
    this.#doubtful.delete(key)
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
    const owner = machine.peerId
    for (const file of this.#sharedBy(machine)) {
      const isElsewhere = this.#copiesOf(file.sha256).some((one) => one !== machine)
      const orphans = isElsewhere && isSafe(file) ? this.#orphans : this.#doubtful
      orphans.set(`${owner}/${file.name}`, file)
    }
    // What only this disk still had of others is lost, too, unless it was the cluster's fault.
    for (const [key, file] of this.#orphans) {
      const holders = this.#copiesOf(file.sha256)
      if (holders.some((one) => one !== machine)) continue
      this.#orphans.delete(key)
      this.#doubtful.set(key, file)
    }
  }

  get wanted(): ExpectedFile[] {
    return [
      ...this.#cluster.machines.flatMap((one) => this.#sharedBy(one)),
      ...this.#orphans.values(),
    ]
  }

  /** Files that may be kept or not. */
  get doubtful(): ExpectedFile[] {
    const unanswered = this.#cluster.machines
      .flatMap((machine) => this.#filesOf(machine))
      .filter(({ owner, name }) => this.#unshared.get(`${owner}/${name}`) === false)
    return [...this.#doubtful.values(), ...unanswered]
  }

  isWanted(sha256: string): boolean {
    return this.wanted.some((file) => file.sha256 === sha256)
  }

  /** Machines, running or not, whose disks have a content. */
  #copiesOf(sha256: string): Machine[] {
    return this.#cluster.machines.filter((machine) => hasContent(machine, sha256))
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
      .map(([path, { bytes }]) => ({
        owner,
        name: path.slice(folder.length),
        sha256: contentIn(bytes).content.sha256,
      }))
  }
}

/** Whether a disk has all bytes of a content, as what file ever. */
export function hasContent({ disk }: Machine, sha256: string): boolean {
  return disk.files.values().some(({ bytes }) => contentIn(bytes).content.sha256 === sha256)
}
