import { diskError } from '../../common/disk-error.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { FolderQueues } from './folder-queues.ts'
import { isUntouched } from './inspect.ts'
import { removeEmptyFolders, removeIfSame } from './remove-file.ts'

/** Deletes replicated copies, but not files that a user put in their place. */
export class ReplicaRemover {
  readonly #catalog: Pick<Catalog, 'drop' | 'get'>
  readonly #queues: FolderQueues

  constructor(dependencies: {
    readonly catalog: Pick<Catalog, 'drop' | 'get'>
    readonly queues: FolderQueues
  }) {
    this.#catalog = dependencies.catalog
    this.#queues = dependencies.queues
  }

  /**
   * Deletes a replicated copy, in its place or aside, and the folders that this leaves empty.
   * @throws AppError DISK_FAILED
   */
  async remove(copy: { owner: string; name: string; sha256: string }): Promise<void> {
    const { owner, name, sha256 } = copy
    const key = { kind: 'replicated', owner, name } as const
    try {
      for (const held of [key, { ...key, version: sha256 }]) await this.#remove(held, sha256)
    } catch (error) {
      throw diskError({ action: 'delete', path: name, neededBytes: 0 }, error)
    }
  }

  /**
   * Removes the copy aside, if there is one, of a replica whose content is in place and flushed.
   */
  async removeAside({ at, content: { sha256 } }: Entry): Promise<void> {
    const { kind, owner, name, version } = at
    if (kind === 'replicated' && owner !== undefined && version === undefined)
      await this.#remove({ kind, owner, name, version: sha256 }, sha256)
  }

  async #remove(key: CopyKey, sha256: string): Promise<void> {
    const known = this.#catalog.get(key)
    if (known === undefined) return
    await this.#queues.run(known.at, async () => {
      const entry = this.#catalog.get(key)
      if (entry?.content.sha256 !== sha256 || !(await isUntouched(entry))) return
      if (await removeIfSame(entry)) this.#catalog.drop(key)
      await removeEmptyFolders(entry.at)
    })
  }
}
