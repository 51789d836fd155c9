import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Content, Source } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { PartialFile } from './partial-file.ts'
import { labelOf } from './peer-source.ts'
import { type CrewOptions, SourceCrew, type SourceProgress } from './source-crew.ts'
import { Transfer } from './transfer.ts'

/** How a fetch goes. */
export interface FetchProgress {
  /** Bytes of the content that are good. */
  readonly verifiedBytes: number
  /** Those at work. */
  readonly sources: readonly SourceProgress[]
  /** Why nothing comes, if no source is at work. */
  readonly waitingFor?: string | undefined
}

export interface FetchRequest extends Omit<CrewOptions, 'onLook'> {
  /** Told after each verified chunk, when sources change, and from time to time. */
  readonly onProgress?: ((progress: FetchProgress) => void) | undefined
}

/** A complete, verified, durable file. Disposing removes it, unless it was moved away before. */
export interface Fetched extends AsyncDisposable {
  readonly partialPath: string
  readonly chunkList: Buffer
  readonly seconds: number
  /** Those that sent some of it. */
  readonly sources: readonly Source[]
}

interface FetcherDependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Told of a source that sent something false. */
  onBlamed(source: Source, content: Content): void
}

/** Fetches contents from other peers into files of `.tandem/partial`. */
export class Fetcher {
  readonly #folder: string
  readonly #dependencies: FetcherDependencies
  #lastFileNumber = 0
  #receivedBytes = 0

  private constructor(folder: string, dependencies: FetcherDependencies) {
    this.#folder = folder
    this.#dependencies = dependencies
  }

  /** A fetcher with an empty `partialFolder`: what an earlier run left there is removed. */
  static async open(
    options: { partialFolder: string },
    dependencies: FetcherDependencies,
  ): Promise<Fetcher> {
    await rm(options.partialFolder, { recursive: true, force: true })
    await mkdir(options.partialFolder, { recursive: true })
    return new Fetcher(options.partialFolder, dependencies)
  }

  /** Bytes of contents and chunk lists that came since the start, good or not. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /**
   * Takes the content from several sources at once until it is complete. On failure nothing is left
   * behind.
   * @throws AppError NO_SOURCE with everyone who was tried and why it did not work, DISK_FULL,
   *   DISK_FAILED, HASH_MISMATCH when the bytes fit the announced chunk root but not the SHA-256;
   *   or the signal's reason
   */
  async fetch(request: FetchRequest): Promise<Fetched> {
    const { content, name, signal } = request
    signal.throwIfAborted()
    const { clock } = this.#dependencies
    const startMs = clock.monotonicMs()
    await using file = await PartialFile.create(this.#nextPath(content), content.size)
    const onProgress = (): void =>
      request.onProgress?.({
        verifiedBytes: file.verifiedBytes,
        sources: crew.sources,
        waitingFor: crew.waitingFor,
      })
    const transfer = new Transfer({ content, name, file, onProgress }, { clock })
    const crew = new SourceCrew({ ...request, onLook: onProgress }, transfer, {
      ...this.#dependencies,
      onReceived: (bytes) => {
        this.#receivedBytes += bytes
      },
    })
    await crew.run()
    signal.throwIfAborted()
    const chunkList = transfer.finish()
    await file.finish()
    return {
      partialPath: file.path,
      chunkList,
      seconds: (clock.monotonicMs() - startMs) / 1000,
      sources: crew.known.filter((source) => transfer.contributors.has(labelOf(source))),
      [Symbol.asyncDispose]: async () => await rm(file.path, { force: true }),
    }
  }

  #nextPath({ sha256 }: Content): string {
    this.#lastFileNumber += 1
    return join(this.#folder, `${sha256}.${this.#lastFileNumber}`)
  }
}
