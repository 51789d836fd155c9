import { SerialQueue } from '../../../common/serial-queue.ts'
import type { FileSources } from './file-sources.ts'
import { PieceHasher } from './metainfo.ts'
import type { WantedFile } from './wanted-file.ts'

/** Piece hashes kept in memory: of 400 GiB, with pieces of 1 MiB. */
const cachedBytesMax = 8 * 1024 * 1024

/**
 * The SHA-1 of each piece of a content, computed from verified bytes. One content at a time is read, and
 * the hashes are remembered, since a content never changes.
 */
export class TorrentPieces {
  readonly #sources: Pick<FileSources, 'readLocal' | 'readOthers'>
  readonly #queue = new SerialQueue()
  /** Least recently used first. */
  readonly #cache = new Map<string, Buffer>()
  #cachedBytes = 0

  constructor(sources: Pick<FileSources, 'readLocal' | 'readOthers'>) {
    this.#sources = sources
  }

  /** @throws errors of the sources; or the signal's reason */
  async of(file: WantedFile, signal: AbortSignal): Promise<Buffer> {
    return this.#cached(file.sha256) ?? (await this.#queue.run(() => this.#compute(file, signal)))
  }

  #cached(sha256: string): Buffer | undefined {
    const pieces = this.#cache.get(sha256)
    if (pieces === undefined) return undefined
    this.#cache.delete(sha256)
    this.#cache.set(sha256, pieces)
    return pieces
  }

  async #compute(file: WantedFile, signal: AbortSignal): Promise<Buffer> {
    signal.throwIfAborted()
    const { name, sha256, size, local, found } = file
    const known = this.#cached(sha256)
    if (known !== undefined) return known
    const hasher = new PieceHasher(size)
    const part = { sha256, range: { start: 0, bytes: size }, signal, isSent: false }
    if (local === undefined) {
      const write = async (bytes: Uint8Array): Promise<void> => hasher.update(bytes)
      await this.#sources.readOthers({ ...part, name, found, write })
    } else {
      const requester = { id: 'torrent', host: '' }
      for await (const piece of this.#sources.readLocal({ ...part, requester }))
        hasher.update(piece)
    }
    const pieces = hasher.finish()
    this.#remember(sha256, pieces)
    return pieces
  }

  #remember(sha256: string, pieces: Buffer): void {
    this.#cache.set(sha256, pieces)
    this.#cachedBytes += pieces.length
    for (const [oldest, dropped] of this.#cache) {
      if (this.#cachedBytes <= cachedBytesMax) return
      this.#cache.delete(oldest)
      this.#cachedBytes -= dropped.length
    }
  }
}
