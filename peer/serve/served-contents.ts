import type { ChunkSet } from '../../common/content/chunk-set.ts'
import type { FileAsHashed, FileStat } from '../../common/content/file-stat.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { WakeUp } from '../../common/wake-up.ts'

/** A file on this peer's disk, as the catalog saw it last. */
export interface ServedFile {
  /** A file outside of its root is not served. */
  readonly at: { readonly name: string; readonly path: string; readonly root: string }
  readonly stat: FileStat
  readonly content: Content
}

/** A file that is still being downloaded: it is not in the catalog, and it keeps changing. */
export type UnfinishedFile = Omit<ServedFile, 'stat'> & { readonly stat: undefined }
export type ReadableFile = ServedFile | UnfinishedFile

/** What serving needs of the catalog. */
export interface ServedContents {
  /** A file with this content; undefined when this peer has none. */
  first(sha256: string): ServedFile | undefined
  /** Files with this content; empty when this peer has none. */
  find(sha256: string): readonly ServedFile[]
  /** Whether a file that was found before may still be read: it may have been found damaged since. */
  isServed(file: Pick<ServedFile, 'at' | 'content'>): boolean
  /** The content's chunk list; defined whenever `find` finds a file. */
  chunkList(sha256: string): Uint8Array | undefined
}

/** Why a small file cannot be read. */
export interface ReadFailure {
  readonly code: ErrorCode
  /** What the operating system says, if it refuses. */
  readonly reason?: string
}

/** What serving needs to read small files of the catalog, many at a time. */
export interface SmallFileReader {
  /** A file for each content, or why it cannot be read with the others. */
  find(sha256s: readonly string[]): readonly (ServedFile | 'CONTENT_NOT_FOUND' | 'TOO_LARGE')[]
  /** For each file why it cannot be read; undefined when it can, and is as it was when it was hashed. */
  check(files: readonly FileAsHashed[]): Promise<readonly (ReadFailure | undefined)[]>
  /** As `check`, and the files' bytes one after another. */
  readFiles(files: readonly FileAsHashed[]): Promise<{
    readonly failures: readonly (ReadFailure | undefined)[]
    readonly bytes: ArrayBuffer
  }>
}

/** A content that this peer is downloading; it changes while it is read. */
export interface ServedDownload {
  readonly file: UnfinishedFile
  /** Undefined until it has been received. */
  readonly chunkList: Uint8Array | undefined
  /** The chunks that were verified and written. */
  readonly verified: Pick<ChunkSet, 'has' | 'size' | 'toBitmap'>
  /** Woken when more chunks were verified, or the download has ended. */
  readonly changes: Pick<WakeUp, 'next'>
}

/** What serving needs of the running downloads. */
export interface ServedDownloads {
  find(sha256: string): ServedDownload | undefined
}
