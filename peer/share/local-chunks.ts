import { setImmediate as nextTurn } from 'node:timers/promises'
import { chunkCountFor, chunkRange, hashBytes } from '../../common/content/chunks.ts'
import { type FileStat, foundStatOf, isSameStat } from '../../common/content/file-stat.ts'
import { type InsidePath, openInside } from '../../common/inside.ts'
import type { Content } from '../../common/protocol/messages.ts'

/** Searches per turn of the event loop: a few milliseconds. */
const searchesPerTurn = 256

/** Where a chunk lies, by what the catalog says: in files with this content, from this position on. */
interface ChunkPlace {
  readonly sha256: string
  readonly position: number
}

/** An open file of the catalog. Disposing closes it. */
interface LocalFile extends AsyncDisposable {
  readonly descriptor: number
  /** To be called when its bytes are not those that the catalog states; returns immediately. */
  onMismatch(): void
}

/** A file whose chunks are known. */
export interface ChunkFile {
  readonly at: InsidePath
  readonly stat: FileStat
  readonly content: Content
}

/** Knows which chunks are in which files. */
export interface ChunkCatalog {
  readonly chunkLists: {
    /** Chunk lists that may have a chunk with this hash, those to try first in front. */
    with(hash: Uint8Array): readonly { readonly sha256: string; readonly hashes: Buffer }[]
  }
  /** Files with a content, or one of them. */
  find(sha256: string): readonly ChunkFile[]
  first(sha256: string): ChunkFile | undefined
}

interface Dependencies {
  readonly catalog: ChunkCatalog
  /** Called with the path of a file that differs from its entry; returns immediately. */
  readonly recheck: (path: string) => void
}

/**
 * The chunks of this peer's files, whatever their contents. Where they lie is only what the catalog says:
 * their users compare the hashes.
 */
export class LocalChunks {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * The places of `chunks`, those of them that this peer has, in a content with this chunk list. Once a
   * file with one of them is found, all that it has are taken from it: files are read from front to back.
   * @throws the signal's reason; errors of the catalog
   */
  async find(
    chunkList: Uint8Array,
    chunks: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, ChunkPlace>> {
    const search = new ChunkSearch(chunkList, chunks, this.#dependencies.catalog)
    for (const [searched, chunk] of chunks.entries()) {
      if (searched % searchesPerTurn === searchesPerTurn - 1) await nextTurn()
      signal.throwIfAborted()
      search.findFrom(chunk)
    }
    return search.places
  }

  /** Opens a file with this content that looks unchanged; undefined if there is none. */
  async open(sha256: string): Promise<LocalFile | undefined> {
    for (const entry of this.#dependencies.catalog.find(sha256)) {
      const opened = await this.#open(entry)
      if (opened !== undefined) return opened
      this.#dependencies.recheck(entry.at.path)
    }
    return undefined
  }

  async #open({ at, stat }: ChunkFile): Promise<LocalFile | undefined> {
    await using opening = new AsyncDisposableStack()
    try {
      const handle = opening.use(await openInside(at))
      if (!isSameStat(foundStatOf(await handle.stat({ bigint: true })), stat)) return undefined
      opening.move()
      return {
        descriptor: handle.fd,
        onMismatch: () => this.#dependencies.recheck(at.path),
        [Symbol.asyncDispose]: async () => await handle.close(),
      }
    } catch {
      return undefined
    }
  }
}

/** The search for the chunks of one content. */
class ChunkSearch {
  readonly places = new Map<number, ChunkPlace>()
  readonly #chunkList: Uint8Array
  readonly #catalog: ChunkCatalog
  /** The chunks without a place, by their hash. */
  readonly #wanted = new Map<string, number[]>()

  constructor(chunkList: Uint8Array, chunks: readonly number[], catalog: ChunkCatalog) {
    this.#chunkList = chunkList
    this.#catalog = catalog
    for (const chunk of chunks) {
      const key = keyOf(chunkList, chunk)
      const same = this.#wanted.get(key)
      if (same === undefined) this.#wanted.set(key, [chunk])
      else same.push(chunk)
    }
  }

  /** Finds a chunk, and all others that a file with it has. */
  findFrom(chunk: number): void {
    if (this.places.has(chunk)) return
    const hash = this.#chunkList.subarray(chunk * hashBytes, (chunk + 1) * hashBytes)
    for (const { sha256, hashes } of this.#catalog.chunkLists.with(hash)) {
      this.#takeAll(sha256, hashes)
      if (this.places.has(chunk)) return
    }
    // The only chunk of a content has no list: its hash is the content's.
    const sha256 = Buffer.from(hash).toString('hex')
    if (this.#catalog.first(sha256) !== undefined) this.#place(keyOf(hash, 0), sha256, 0)
  }

  #takeAll(sha256: string, hashes: Buffer): void {
    const size = this.#catalog.first(sha256)?.content.size
    const chunkCount = hashes.length / hashBytes
    if (size === undefined || chunkCountFor(size) !== chunkCount) return
    for (let chunk = 0; chunk < chunkCount; chunk += 1)
      this.#place(keyOf(hashes, chunk), sha256, chunkRange(size, chunk).start)
  }

  #place(key: string, sha256: string, position: number): void {
    for (const chunk of this.#wanted.get(key) ?? []) this.places.set(chunk, { sha256, position })
    this.#wanted.delete(key)
  }
}

function keyOf(chunkList: Uint8Array, chunk: number): string {
  const { buffer, byteOffset } = chunkList
  return Buffer.from(buffer, byteOffset + chunk * hashBytes, hashBytes).toString('latin1')
}
