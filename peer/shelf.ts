import type { AppError } from '../common/errors.ts'
import type { Content, CopyKey } from '../common/protocol/messages.ts'

/** A content, and the key of its copy on the shelf. */
export interface KeyedContent {
  readonly key: CopyKey
  readonly content: Content
}

/** A finished file: complete, verified, flushed, and on the file system of its place. */
export interface FinishedFile extends KeyedContent {
  readonly partialPath: string
  readonly chunkList: Uint8Array
  readonly replacesOnly?: ReplacesOnly | undefined
}

/**
 * The hashes of the contents that a file of the same name may have to be replaced. The new file gets
 * its own name or none: NAME_EXISTS if there is another content, NAME_BLOCKED for other obstacles.
 */
export type ReplacesOnly = readonly string[]

/** A finished file of one chunk, in memory. */
export interface SmallFile extends KeyedContent {
  readonly bytes: Uint8Array
}

/** A file in its place. */
export interface ShelvedFile {
  readonly at: { readonly path: string }
  readonly content: Pick<Content, 'size'>
}

/**
 * Where fetched files are kept, each under a copy key. A running peer's shelf is its share; without
 * a peer it is the file or folder that the user named. Fetching first asks the shelf which files it
 * has, and then hands it the missing ones. A shelf does not overwrite a user's file unless told to:
 * the copy gets another name, or an error.
 */
export interface Shelf {
  /** Which of these files are in their place with this content. */
  areThere(files: readonly KeyedContent[]): Promise<boolean[]>
  /** The bytes of small contents that the shelf has under any key, not verified; undefined for those it cannot read. */
  readSmall(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]>
  /**
   * Copies a content that the shelf has under any key to `key`, unless it is there already.
   * @returns undefined if the shelf does not have the content
   * @throws AppError what is wrong with the place, DISK_FULL, DISK_FAILED
   */
  copyLocal(
    sha256: string,
    key: CopyKey,
    options?: { readonly replacesOnly?: ReplacesOnly | undefined },
  ): Promise<ShelvedFile | undefined>
  /**
   * Moves a finished file into its place. On failure the partial file is where it was, or in its
   * place.
   * @throws AppError what is wrong with the place, DISK_FULL, DISK_FAILED
   */
  adopt(file: FinishedFile): Promise<ShelvedFile>
  /**
   * Writes small files into their places.
   * @returns for each the file, or what is wrong with its place
   * @throws AppError DISK_FULL, DISK_FAILED if none can be written
   */
  adoptGroup(files: readonly SmallFile[]): Promise<(ShelvedFile | AppError)[]>
}
