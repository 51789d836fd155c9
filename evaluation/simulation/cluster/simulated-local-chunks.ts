import type { ReadFrom } from '../../../peer/fetch/chunk-store.ts'
import type {
  ChunkPlace,
  LocalFile,
  LocalChunks as Places,
} from '../../../peer/fetch/local-chunks.ts'
import type { Catalog } from '../../../peer/share/catalog.ts'
import { LocalChunks } from '../../../peer/share/local-chunks.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

interface Dependencies {
  readonly catalog: Catalog
  readonly disk: SimulatedDisk
  readonly recheck: (path: string) => void
}

/** The chunks of a simulated peer's own files: the real search, over files of a simulated disk. */
export class SimulatedLocalChunks implements Places {
  readonly #dependencies: Dependencies
  readonly #search: LocalChunks
  /** By descriptor. */
  readonly #open = new Map<number, Buffer>()
  #opened = 0

  constructor(dependencies: Dependencies) {
    const { catalog, recheck } = dependencies
    this.#dependencies = dependencies
    this.#search = new LocalChunks({ catalog: catalog.withDamaged, recheck })
  }

  async find(...request: Parameters<Places['find']>): Promise<ReadonlyMap<number, ChunkPlace>> {
    return await this.#search.find(...request)
  }

  async open(sha256: string): Promise<LocalFile | undefined> {
    const { catalog, disk, recheck } = this.#dependencies
    for (const { at, stat } of catalog.withDamaged.find(sha256)) {
      const file = disk.files.get(at.path)
      if (file === undefined || !disk.isUnchanged(at.path, stat)) {
        recheck(at.path)
        continue
      }
      const descriptor = ++this.#opened
      this.#open.set(descriptor, file.bytes)
      return {
        descriptor,
        onMismatch: () => recheck(at.path),
        [Symbol.asyncDispose]: async () => void this.#open.delete(descriptor),
      }
    }
    return undefined
  }

  /** Fills `bytes` from an open file; @returns whether it is long enough. */
  read({ descriptor, position }: ReadFrom, bytes: Buffer): boolean {
    return this.#open.get(descriptor)?.copy(bytes, 0, position) === bytes.length
  }
}
