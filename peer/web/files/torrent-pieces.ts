import { withDeadline } from '../../../common/deadline.ts'
import { AppError } from '../../../common/errors.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { FileSources } from './file-sources.ts'
import { PieceHasher } from './metainfo.ts'
import { Permits } from './permits.ts'
import type { WantedFile } from './wanted-file.ts'

/** Piece hashes kept in memory: of 400 GiB, with pieces of 1 MiB. */
const cachedBytesMax = 8 * 1024 * 1024
/** Contents read at the same time: a slow one does not block the others. */
const computedAtOnce = 2
/** Requests that wait for pieces; those of one host are at most half. */
const waitingMax = 32
/** A content from which fewer bytes per second are read has stalled. */
const readBytesPerSecondMin = 1024 * 1024
/** Waited for a small content, too. */
const patienceMs = 60_000
const retryAfterSeconds = 30

interface Computation {
  readonly pieces: Promise<Buffer>
  readonly stop: AbortController
  /** Requests that wait for it. */
  users: number
}

type Sources = Pick<FileSources, 'clock' | 'readLocal' | 'readOthers'>

/**
 * The SHA-1 of each piece of a content, computed from verified bytes. Requests for one content share a
 * computation, which ends with the last of them; the hashes are remembered, since a content never changes.
 */
export class TorrentPieces {
  readonly #sources: Sources
  readonly #takeRelay: () => Disposable
  readonly #computations = new Map<string, Computation>()
  readonly #ended = new WakeUp()
  readonly #waiting = new Permits(waitingMax, { retryAfterSeconds })
  #running = 0
  /** Least recently used first. */
  readonly #cache = new Map<string, Buffer>()
  #cachedBytes = 0

  /** @param takeRelay takes a permit for reading from other peers, or throws BUSY */
  constructor(sources: Sources, takeRelay: () => Disposable) {
    this.#sources = sources
    this.#takeRelay = takeRelay
  }

  /**
   * @param host where the request comes from
   * @throws AppError BUSY, DEADLINE_EXCEEDED, and errors of the sources; or the signal's reason
   */
  async of(file: WantedFile, host: string, signal: AbortSignal): Promise<Buffer> {
    const { sha256 } = file
    signal.throwIfAborted()
    const known = this.#cached(sha256)
    if (known !== undefined) return known
    using _ = this.#waiting.take(host)
    const computation = this.#computations.get(sha256) ?? this.#begin(file)
    computation.users += 1
    const { promise: left, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', leave)
    try {
      return await Promise.race([computation.pieces, left])
    } finally {
      signal.removeEventListener('abort', leave)
      computation.users -= 1
      if (computation.users === 0) this.#end(sha256, computation)
    }
  }

  #cached(sha256: string): Buffer | undefined {
    const pieces = this.#cache.get(sha256)
    if (pieces === undefined) return undefined
    this.#cache.delete(sha256)
    this.#cache.set(sha256, pieces)
    return pieces
  }

  #begin(file: WantedFile): Computation {
    const stop = new AbortController()
    const computation = { pieces: this.#computeInTurn(file, stop.signal), stop, users: 0 }
    this.#computations.set(file.sha256, computation)
    return computation
  }

  #end(sha256: string, computation: Computation): void {
    if (this.#computations.get(sha256) === computation) this.#computations.delete(sha256)
    computation.stop.abort(new AppError('CANCELLED', { what: 'The torrent' }))
  }

  async #computeInTurn(file: WantedFile, signal: AbortSignal): Promise<Buffer> {
    await this.#ended.until(() => this.#takeTurn(), signal)
    try {
      const deadlineMs = patienceMs + (1_000 * file.size) / readBytesPerSecondMin
      const wait = { what: 'Reading the file', deadlineMs, signal }
      return await withDeadline(wait, this.#sources.clock, (inTime) => this.#compute(file, inTime))
    } finally {
      this.#running -= 1
      this.#ended.notify()
    }
  }

  #takeTurn(): true | undefined {
    if (this.#running >= computedAtOnce) return undefined
    this.#running += 1
    return true
  }

  async #compute(file: WantedFile, signal: AbortSignal): Promise<Buffer> {
    const { name, sha256, size, local, found } = file
    const hasher = new PieceHasher(size)
    const part = { sha256, range: { start: 0, bytes: size }, signal, isSent: false }
    if (local === undefined) {
      using _ = this.#takeRelay()
      const write = async (bytes: Uint8Array): Promise<void> => hasher.update(bytes)
      await this.#sources.readOthers({ ...part, name, found, write })
    } else {
      const requester = { id: 'torrent', host: '' }
      for await (const piece of this.#sources.readLocal({ ...part, requester })) {
        signal.throwIfAborted()
        hasher.update(piece)
      }
    }
    const pieces = hasher.finish()
    this.#remember(sha256, pieces)
    return pieces
  }

  #remember(sha256: string, pieces: Buffer): void {
    this.#cachedBytes -= this.#cache.get(sha256)?.length ?? 0
    this.#cache.set(sha256, pieces)
    this.#cachedBytes += pieces.length
    for (const [oldest, dropped] of this.#cache) {
      if (this.#cachedBytes <= cachedBytesMax) return
      this.#cache.delete(oldest)
      this.#cachedBytes -= dropped.length
    }
  }
}
