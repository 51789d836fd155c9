import { mkdir } from 'node:fs/promises'
import { diskError } from '../../../common/disk-error.ts'
import type { Purpose } from '../../../common/protocol/messages.ts'
import { type ContentKey, PartialFolder } from './partial-folder.ts'

export interface PartialFoldersOptions {
  /** The folder for all purposes, unless there is a `partialFolderFor`. */
  readonly partialFolder: string
  /** Whether a download waits for the content, and would resume its partial data, however old. */
  readonly isWanted?: ((content: ContentKey) => boolean) | undefined
  /**
   * The folder for fetches of this purpose, created if it is missing, on the file system where the
   * contents are placed. @throws what the disk does
   */
  readonly partialFolderFor?: ((purpose: Purpose) => Promise<string>) | undefined
  /** Folders of earlier runs, besides `partialFolder`. */
  readonly earlierFolders?: readonly string[]
}

/** The folders of files that are being fetched: one per file system on which contents are placed. */
export class PartialFolders {
  readonly #options: PartialFoldersOptions
  readonly #folders = new Map<string, PartialFolder>()

  constructor(options: PartialFoldersOptions) {
    this.#options = options
    for (const path of [options.partialFolder, ...(options.earlierFolders ?? [])]) this.#at(path)
  }

  /** The folder for a purpose. @throws AppError DISK_FULL, DISK_FAILED */
  async for(purpose: Purpose): Promise<PartialFolder> {
    const { partialFolder, partialFolderFor } = this.#options
    try {
      if (partialFolderFor !== undefined) return this.#at(await partialFolderFor(purpose))
      await mkdir(partialFolder, { recursive: true })
      return this.#at(partialFolder)
    } catch (error) {
      throw diskError({ action: 'create the folder', path: partialFolder, neededBytes: 0 }, error)
    }
  }

  /** The folder to fetch a content into: that of the purpose, unless another has partial data of it already. */
  async forContent(purpose: Purpose, content: ContentKey): Promise<PartialFolder> {
    const folder = await this.for(purpose)
    for (const other of [folder, ...this.#folders.values()])
      if (await other.hasKept(content).catch(() => false)) return other
    return folder
  }

  /** See {@link PartialFolder.forget}. */
  async forget(content: ContentKey): Promise<void> {
    for (const folder of this.#folders.values()) await folder.forget(content)
  }

  /** See {@link PartialFolder.clean}; a folder that fails does not stop the others. */
  async clean(nowMs: number, isRoomNeeded = false): Promise<void> {
    const folders = [...this.#folders.values()]
    const results = await Promise.allSettled(
      folders.map((folder) => folder.clean(nowMs, isRoomNeeded)),
    )
    const failed = results.find((result) => result.status === 'rejected')
    if (failed !== undefined) throw failed.reason as Error
  }

  #at(path: string): PartialFolder {
    const folder =
      this.#folders.get(path) ?? new PartialFolder({ ...this.#options, partialFolder: path })
    this.#folders.set(path, folder)
    return folder
  }
}
