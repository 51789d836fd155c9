import type { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { limits } from '../../common/limits.ts'
import type { Content } from '../../common/protocol/messages.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'

/** A content of several chunks, of which the file on the disk has some. */
interface DamagedContent {
  /** Without a stat: a file that is still being fetched is served in the same way. */
  readonly file: Pick<Entry, 'content'> & {
    readonly at: { readonly name: string; readonly path: string; readonly root: string }
    readonly stat: undefined
  }
  readonly chunkList: Uint8Array | undefined
  readonly verified: ChunkSet
  readonly changes: WakeUp
}

/**
 * The good chunks of damaged files, for peers that need them: two copies that are damaged in different
 * places have all of the content.
 */
export class DamagedContents {
  readonly #catalog: Pick<Catalog, 'chunkList' | 'damage' | 'entriesBetween'>
  /** Never woken: a damaged file gets no more chunks. */
  readonly #changes = new WakeUp()

  constructor({ catalog }: { catalog: Pick<Catalog, 'chunkList' | 'damage' | 'entriesBetween'> }) {
    this.#catalog = catalog
  }

  find(sha256: string): DamagedContent | undefined {
    const { damage } = this.#catalog
    const seq = damage.count === 0 ? undefined : damage.with(sha256)
    const found = seq === undefined ? undefined : this.#entry(seq)
    if (found === undefined || found.verified.size === 0) return undefined
    const { at, content, verified } = found
    const chunkList = this.#catalog.chunkList(sha256)
    const file = { at, content, stat: undefined }
    return { file, chunkList, verified, changes: this.#changes }
  }

  /** Those that others may ask for; a limited number of them. */
  get contents(): Content[] {
    const { damage } = this.#catalog
    if (damage.count === 0) return []
    return damage.after(0, limits.unfinishedNamedMax).flatMap((seq) => {
      const found = this.#entry(seq)
      return found === undefined || found.verified.size === 0 ? [] : [found.content]
    })
  }

  #entry(seq: number): (Entry & { readonly verified: ChunkSet }) | undefined {
    const [entry] = this.#catalog.entriesBetween(seq - 1, seq, 1)
    if (entry === undefined || chunkCountFor(entry.content.size) === 1) return undefined
    const damage = this.#catalog.damage.of(seq, entry.content.size)
    return damage && { ...entry, verified: damage.good }
  }
}
