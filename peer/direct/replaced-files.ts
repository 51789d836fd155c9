import { dirname } from 'node:path'
import { chunkHashAt, hashBytes } from '../../common/content/chunks.ts'
import type { HashedFile } from '../../common/content/hash.ts'
import type { ChunkCatalog, ChunkFile } from '../share/local-chunks.ts'

/** Files whose chunks are remembered: a download replaces one at a time, a group a few. */
const filesMax = 64

interface ReplacedFile extends ChunkFile {
  readonly hashes: Buffer
  /** The hashes again, to be found. */
  readonly chunks: ReadonlySet<string>
}

/** The files that downloads will replace, as a catalog of their chunks: most of them may be in the new content, too. */
export class ReplacedFiles implements ChunkCatalog {
  /** By path; the oldest first. */
  readonly #files = new Map<string, ReplacedFile>()
  readonly chunkLists: ChunkCatalog['chunkLists'] = {
    with: (hash) => {
      const key = keyOf(hash)
      const files = [...this.#files.values()].filter(({ chunks }) => chunks.has(key))
      return files.map(({ content: { sha256 }, hashes }) => ({ sha256, hashes }))
    },
  }

  /** Remembers a file that was just hashed. */
  add(path: string, { content, stat, chunkList: hashes }: HashedFile): void {
    const chunks = Array.from({ length: hashes.length / hashBytes }, (_, chunk) =>
      keyOf(chunkHashAt(hashes, chunk)),
    )
    const at = { path, root: dirname(path) }
    this.#files.delete(path)
    this.#files.set(path, { at, stat, content, hashes, chunks: new Set(chunks) })
    const [oldest] = this.#files.keys()
    if (this.#files.size > filesMax && oldest !== undefined) this.#files.delete(oldest)
  }

  /** The file was replaced. */
  delete(path: string): void {
    this.#files.delete(path)
  }

  first(sha256: string): ChunkFile | undefined {
    return this.find(sha256)[0]
  }

  find(sha256: string): ChunkFile[] {
    return [...this.#files.values()].filter(({ content }) => content.sha256 === sha256)
  }
}

function keyOf(hash: Uint8Array): string {
  return Buffer.from(hash).toString('latin1')
}
