import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { diskError } from '../../common/disk-error.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, Source } from '../../common/protocol/messages.ts'
import type { ConnectionPool } from './connection-pool.ts'
import { PartialFile } from './partial-file.ts'
import { labelOf, PeerSource } from './peer-source.ts'
import { Transfer } from './transfer.ts'

export interface FetchRequest {
  readonly content: Content
  /** For errors. */
  readonly name: string
  /** Who may have it, best first. */
  readonly sources: readonly Source[]
  readonly signal: AbortSignal
  /** Told after each verified chunk how many bytes of the content are good. */
  readonly onProgress?: ((verifiedBytes: number) => void) | undefined
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
  readonly log: Log
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

  /**
   * A fetcher with an empty `partialFolder`: what an earlier run left there is removed.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async open(
    { partialFolder: path }: { partialFolder: string },
    dependencies: FetcherDependencies,
  ): Promise<Fetcher> {
    try {
      await rm(path, { recursive: true, force: true })
      await mkdir(path, { recursive: true })
    } catch (error) {
      throw diskError({ action: 'empty the folder', path, neededBytes: 0 }, error)
    }
    return new Fetcher(path, dependencies)
  }

  /** Bytes of contents and chunk lists that came since the start, good or not. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  /**
   * Takes the content from one source after another until it is complete. On failure nothing is
   * left behind.
   * @throws AppError NO_SOURCE with everyone who was tried and why it did not work, DISK_FULL,
   *   DISK_FAILED, HASH_MISMATCH when the bytes fit the announced chunk root but not the SHA-256;
   *   or the signal's reason
   */
  async fetch({ content, name, sources, signal, onProgress }: FetchRequest): Promise<Fetched> {
    signal.throwIfAborted()
    const startMs = this.#dependencies.clock.monotonicMs()
    await using file = await PartialFile.create(this.#nextPath(content), content.size)
    const transfer = new Transfer({ content, name, file, onProgress: onProgress ?? (() => {}) })
    const failures: string[] = []
    for (const source of distinct(sources)) {
      const failure = await this.#takeFrom(source, { content, transfer, signal })
      if (failure === undefined) break
      failures.push(failure)
    }
    if (!transfer.isComplete)
      throw new AppError('NO_SOURCE', { name, tried: describeFailures(failures) })
    signal.throwIfAborted()
    const chunkList = transfer.finish()
    await file.finish()
    return {
      partialPath: file.path,
      chunkList,
      seconds: (this.#dependencies.clock.monotonicMs() - startMs) / 1000,
      sources: distinct(sources).filter((source) => transfer.contributors.has(labelOf(source))),
      [Symbol.asyncDispose]: async () => await rm(file.path, { force: true }),
    }
  }

  /** @returns why `source` could not give all that was missing, or undefined when it did */
  async #takeFrom(
    source: Source,
    { content, transfer, signal }: { content: Content; transfer: Transfer; signal: AbortSignal },
  ): Promise<string | undefined> {
    const { pool, clock, log } = this.#dependencies
    const onReceived = (bytes: number): void => {
      this.#receivedBytes += bytes
    }
    using peerSource = new PeerSource({ source, content, signal }, { pool, clock, onReceived })
    try {
      await transfer.takeFrom(peerSource)
      return undefined
    } catch (error) {
      if (!hasCode(error, 'SOURCE_FAILED') && !hasCode(error, 'HASH_MISMATCH')) throw error
      log.debug({ source, sha256: content.sha256, code: error.code }, 'source given up')
      return reasonOf(error)
    }
  }

  #nextPath({ sha256 }: Content): string {
    this.#lastFileNumber += 1
    return join(this.#folder, `${sha256}.${this.#lastFileNumber}`)
  }
}

/** A peer may be listed for several copies; it is asked once. */
function distinct(sources: readonly Source[]): Source[] {
  return [...new Map(sources.map((source) => [labelOf(source), source])).values()]
}

function describeFailures(failures: readonly string[]): string {
  if (failures.length === 0) return 'nobody, for there is no source'
  const named = failures.slice(0, limits.sourcesNamedMax).join('; ')
  const more = failures.length - limits.sourcesNamedMax
  return more > 0 ? `${named}; and ${more} more` : named
}
