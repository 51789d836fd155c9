import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../../../common/disk-error.ts'
import { systemErrorCode } from '../../../common/errors.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { journalPathOf, removePartial } from './partial-file.ts'

/** Abandoned partial data is kept for a week. */
export const partialKeptMs = 604_800_000

/** What distinguishes the partial data of two contents. */
export type ContentKey = Pick<Content, 'sha256' | 'chunkRoot'>

export interface PartialFolderOptions {
  readonly partialFolder: string
  /** Whether a download waits for the content, and would resume its partial data, however old. */
  readonly isWanted?: ((content: ContentKey) => boolean) | undefined
}

/** The folder of the files that are being fetched, and of the partial data that fetches left for later ones. */
export class PartialFolder {
  readonly path: string
  readonly #isWanted: (content: ContentKey) => boolean
  /** Names of files that a fetch or a removal uses. */
  readonly #inUse = new Set<string>()

  constructor({ partialFolder, isWanted = () => false }: PartialFolderOptions) {
    this.path = partialFolder
    this.#isWanted = isWanted
  }

  /**
   * Takes a file for a fetch: the one that is kept between fetches, unless another fetch of the same
   * content uses it now.
   */
  take(content: ContentKey): { path: string; isKept: boolean; release: () => void } {
    const keptName = nameOf(content)
    let name = keptName
    for (let number = 2; this.#inUse.has(name); number += 1) name = `${keptName}.${number}`
    this.#inUse.add(name)
    const release = (): void => void this.#inUse.delete(name)
    return { path: join(this.path, name), isKept: name === keptName, release }
  }

  /** Whether there is partial data of this content. */
  async hasKept(content: ContentKey): Promise<boolean> {
    const path = join(this.path, nameOf(content))
    const found = await Promise.all([path, journalPathOf(path)].map(modifiedMsOf))
    return !this.#inUse.has(nameOf(content)) && !found.includes(undefined)
  }

  /** Removes the partial data of a content, unless it is being fetched. @throws AppError DISK_FAILED */
  async forget(content: ContentKey): Promise<void> {
    await this.#remove(nameOf(content))
  }

  /**
   * Evicts partial data that no download waits for, if it is older than a week or its room is needed
   * now, and what cannot be resumed: files without a journal, journals without a file.
   * @throws AppError DISK_FAILED
   */
  async clean(nowMs: number, isRoomNeeded = false): Promise<void> {
    const untilMs = isRoomNeeded ? Number.POSITIVE_INFINITY : nowMs - partialKeptMs
    try {
      const names = (await namesIn(this.path)).map((name) => name.replace(/\.journal(\.new)?$/, ''))
      for (const name of new Set(names))
        if (!this.#inUse.has(name) && !(await this.#isWorthKeeping(name, untilMs)))
          await this.#remove(name)
    } catch (error) {
      throw this.#error(error)
    }
  }

  async #isWorthKeeping(name: string, untilMs: number): Promise<boolean> {
    const path = join(this.path, name)
    const modifiedMs = await modifiedMsOf(path)
    const hasJournal = (await modifiedMsOf(journalPathOf(path))) !== undefined
    if (modifiedMs === undefined || !hasJournal) return false
    const [sha256 = '', chunkRoot = ''] = name.split('.')
    return modifiedMs > untilMs || this.#isWanted({ sha256, chunkRoot })
  }

  /** A fetch that begins meanwhile uses a separate file. */
  async #remove(name: string): Promise<void> {
    if (this.#inUse.has(name)) return
    this.#inUse.add(name)
    try {
      const path = join(this.path, name)
      await removePartial(path)
      await rm(newJournalPathOf(path), { force: true })
    } catch (error) {
      throw this.#error(error)
    } finally {
      this.#inUse.delete(name)
    }
  }

  #error(error: unknown): Error {
    return diskError({ action: 'clean the folder', path: this.path, neededBytes: 0 }, error)
  }
}

/** A journal that was being created when its process ended. */
function newJournalPathOf(path: string): string {
  return `${journalPathOf(path)}.new`
}

function nameOf({ sha256, chunkRoot }: ContentKey): string {
  return `${sha256}.${chunkRoot}`
}

/** None when the folder is gone. */
async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return []
    throw error
  }
}

/** Undefined when there is no such file. */
async function modifiedMsOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
