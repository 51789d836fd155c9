import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { readBootId } from '../../common/boot-id.ts'
import { diskError } from '../../common/disk-error.ts'
import { hasCode } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Content } from '../../common/protocol/messages.ts'
import { ContentDigest } from './content-digest.ts'
import { DiskRoom, type Reservation } from './disk-room.ts'
import { journalPathOf, PartialFile, removePartial } from './partial-file.ts'
import type { CrewDependencies } from './source-crew.ts'
import {
  isVouched,
  type Taken,
  type TakeProgress,
  type TakeRequest,
  takeContent,
} from './take-content.ts'

/** Failures after which what came is good for nothing. */
const uselessAfter = ['CANCELLED', 'CONTENT_REPLACED', 'HASH_MISMATCH'] as const

/** How a fetch goes. */
export interface FetchProgress extends TakeProgress {
  /** Bytes of the content that are good. */
  readonly verifiedBytes: number
}

export interface FetchRequest extends Omit<TakeRequest, 'file' | 'digest' | 'onProgress'> {
  /** Whether what came is kept when the fetch fails, for the next one of this content to go on with. */
  readonly keeps?: boolean | undefined
  /** Whether the whole content is hashed, whoever vouches for its chunk root. */
  readonly hashesWhole?: boolean | undefined
  /** Told after each verified chunk, when sources change, and from time to time. */
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined
}

/** A complete, verified, durable file. Disposing removes it, unless it was moved away or kept before. */
export interface Fetched extends Taken, AsyncDisposable {
  readonly partialPath: string
  readonly seconds: number
  /** It could not be put into place: the next fetch of this content finds it, if the request said so. */
  keep(): void
}

/** Fetches contents from other peers into files of `.tandem/partial`. */
export class Fetcher {
  readonly #folder: string
  readonly #bootId: string
  readonly #dependencies: CrewDependencies
  readonly #room: DiskRoom
  readonly #pathsInUse = new Set<string>()

  private constructor(folder: string, bootId: string, dependencies: CrewDependencies) {
    this.#folder = folder
    this.#bootId = bootId
    this.#dependencies = dependencies
    this.#room = new DiskRoom(folder)
  }

  /**
   * A fetcher that goes on with what earlier runs left in `partialFolder`, unless that is too old.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async open(
    { partialFolder: path }: { partialFolder: string },
    dependencies: CrewDependencies,
  ): Promise<Fetcher> {
    try {
      await mkdir(path, { recursive: true })
      await removeOldPartials(path, dependencies.clock.nowMs())
    } catch (error) {
      throw diskError({ action: 'clean the folder', path, neededBytes: 0 }, error)
    }
    return new Fetcher(path, await readBootId(dependencies.random), dependencies)
  }

  /**
   * Takes the content from several sources at once until it is complete. On failure nothing is left
   * behind, unless the request says that it is kept.
   * @throws AppError NO_SOURCE with everyone who was tried and why it did not work, DISK_FULL,
   *   DISK_FAILED, HASH_MISMATCH when the bytes fit the announced chunk root but not the SHA-256;
   *   or the signal's reason
   */
  async fetch(request: FetchRequest): Promise<Fetched> {
    request.signal.throwIfAborted()
    const path = this.#pathFor(request.content)
    this.#pathsInUse.add(path)
    try {
      return await this.#fetchTo(path, request)
    } catch (error) {
      this.#pathsInUse.delete(path)
      throw error
    }
  }

  /** Removes what was kept of a content, unless it is being fetched. @throws AppError DISK_FAILED */
  async forget(content: Content): Promise<void> {
    const path = this.#pathFor(content)
    if (path !== this.#keptPath(content)) return
    // A fetch that begins meanwhile must not lose its file.
    this.#pathsInUse.add(path)
    try {
      await removePartial(path)
    } catch (error) {
      throw diskError({ action: 'delete', path, neededBytes: 0 }, error)
    } finally {
      this.#pathsInUse.delete(path)
    }
  }

  async #fetchTo(path: string, request: FetchRequest): Promise<Fetched> {
    const { content, keeps = false } = request
    const { clock } = this.#dependencies
    const startMs = clock.monotonicMs()
    const isJournalled = keeps && path === this.#keptPath(content)
    const bootId = this.#bootId
    await using file = await PartialFile.open({ path, content, bootId, isJournalled })
    const { chunkList, sources } = await this.#fillOrKeep(file, request)
    await file.finish()
    let isKept = false
    return {
      partialPath: path,
      chunkList,
      seconds: (clock.monotonicMs() - startMs) / 1000,
      sources,
      keep: () => {
        isKept = isJournalled
      },
      [Symbol.asyncDispose]: async () => {
        if (!isKept) await removePartial(path)
        this.#pathsInUse.delete(path)
      },
    }
  }

  /** Fetches what the file lacks; after a failure it has what came kept, if that is good for anything. */
  async #fillOrKeep(file: PartialFile, request: FetchRequest): Promise<Taken> {
    try {
      using room = await this.#room.reserve(request.content.size - file.verifiedBytes)
      return await this.#fill(file, request, room)
    } catch (error) {
      if (!uselessAfter.some((code) => hasCode(error, code))) file.keep()
      throw error
    }
  }

  /** Fetches what the file lacks. */
  async #fill(file: PartialFile, request: FetchRequest, room: Reservation): Promise<Taken> {
    const { sources, hashesWhole = !isVouched(sources) } = request
    let reservedFrom = file.verifiedBytes
    const onProgress = (progress: TakeProgress): void => {
      room.onWritten(file.verifiedBytes - reservedFrom)
      reservedFrom = file.verifiedBytes
      request.onProgress?.({ ...progress, verifiedBytes: file.verifiedBytes })
    }
    const digest = hashesWhole ? new ContentDigest(file) : undefined
    return await takeContent({ ...request, file, digest, onProgress }, this.#dependencies)
  }

  /** Where the content is kept between two fetches. */
  #keptPath({ sha256, chunkRoot }: Content): string {
    return join(this.#folder, `${sha256}.${chunkRoot}`)
  }

  /** A second fetch of the same content at the same time has a file of its own. */
  #pathFor(content: Content): string {
    let path = this.#keptPath(content)
    for (let number = 2; this.#pathsInUse.has(path); number += 1)
      path = `${this.#keptPath(content)}.${number}`
    return path
  }
}

/** Removes what nothing can go on with: files without a journal, journals without a file, and what is old. */
async function removeOldPartials(folder: string, nowMs: number): Promise<void> {
  const names = new Set(await readdir(folder))
  for (const name of names) {
    const path = join(folder, name)
    const dataName = basename(path, '.journal')
    const { mtimeMs } = await stat(path)
    const isWhole = names.has(dataName) && names.has(journalPathOf(dataName))
    if (!isWhole || nowMs - mtimeMs >= deadlines.partialKeptMs)
      await rm(path, { recursive: true, force: true })
  }
}
