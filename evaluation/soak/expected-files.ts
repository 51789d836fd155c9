import type { Random } from '../../common/random.ts'

/** One file that the soak put into a peer's shared/. */
export interface ExpectedFile {
  readonly owner: string
  name: string
  /** Its current content on the owner's disk. */
  sha256: string
  /** Its contents and names since the last checkpoint, current first. */
  readonly history: { name: string; sha256: string }[]
  /** Every content it ever had. */
  readonly contents: Set<string>
  /** Whether an action is using it, so that no other may. */
  isBusy: boolean
}

/** A file whose owner lost its disk: one of these versions must stay available. */
export interface OrphanedFile {
  readonly owner: string
  readonly versions: readonly { readonly name: string; readonly sha256: string }[]
}

/**
 * The guarantees to check: each listed file is on its owner's disk and, once a checkpoint has seen
 * it at its replication factor, must survive the loss of that disk.
 */
export class ExpectedFiles {
  readonly #files = new Set<ExpectedFile>()
  #orphans: OrphanedFile[] = []
  #names = 0
  /** Names that are being pushed: until then the file has no entry here. */
  readonly pushed = new Set<string>()

  get all(): readonly ExpectedFile[] {
    return [...this.#files]
  }

  get orphans(): readonly OrphanedFile[] {
    return this.#orphans
  }

  of(owner: string): readonly ExpectedFile[] {
    return this.all.filter((file) => file.owner === owner)
  }

  /** An unused name in one of a few folders of its owner. */
  newName(owner: string, random: Random): string {
    const folder = Math.floor(random.fraction() * 5)
    return `${owner}-${folder}/${this.#names++}.bin`
  }

  add(owner: string, name: string, sha256: string): void {
    this.#files.add({
      owner,
      name,
      sha256,
      history: [{ name, sha256 }],
      contents: new Set([sha256]),
      isBusy: false,
    })
  }

  remove(file: ExpectedFile): void {
    this.#files.delete(file)
  }

  /** The file has a new name or content. */
  change(file: ExpectedFile, to: { name?: string; sha256?: string }): void {
    const { name = file.name, sha256 = file.sha256 } = to
    file.name = name
    file.sha256 = sha256
    file.history.unshift({ name, sha256 })
    file.contents.add(sha256)
  }

  /** A file that no action is using, of `owner` if given. */
  pick(random: Random, owner?: string): ExpectedFile | undefined {
    const free = this.all.filter((file) => !file.isBusy && (owner ?? file.owner) === file.owner)
    return free[Math.floor(random.fraction() * free.length)]
  }

  /**
   * The owner's disk is gone: the versions of its files since the last checkpoint must be
   * elsewhere.
   */
  orphan(owner: string): void {
    for (const file of this.of(owner)) {
      this.#orphans.push({ owner, versions: [...file.history] })
      this.#files.delete(file)
    }
  }

  /** All files were seen at their replication factor: older versions may go. */
  settle(): void {
    for (const file of this.#files) file.history.splice(1)
  }
}
