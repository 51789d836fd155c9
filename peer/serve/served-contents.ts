import type { FileStat } from '../../common/content/hash.ts'
import type { Content } from '../../common/protocol/messages.ts'

/** A file on this peer's disk, as the catalog saw it last. */
export interface ServedFile {
  readonly at: { readonly name: string; readonly path: string }
  readonly stat: FileStat
  readonly content: Content
}

/** What serving needs of the catalog. */
export interface ServedContents {
  /** Files with this content; empty when this peer has none. */
  find(sha256: string): readonly ServedFile[]
  /** The content's chunk list; there whenever `find` finds something. */
  chunkList(sha256: string): Uint8Array | undefined
}
