/** What is on disk in this peer's shared/, and how to change it; see peer/share/shared-tree.ts. */
export interface SharedFiles {
  /** Tells whether a name is gone although the index may still list it. */
  goneNames(): (name: string) => boolean
  /** The immediate children of a folder, page by page. */
  list(folder: string): AsyncIterable<readonly SharedItem[]>
  look(name: string): Promise<SharedItem | undefined>
  room(): Promise<{ usedBytes: number; freeBytes: number }>
  makeFolder(name: string): Promise<void>
  remove(name: string): Promise<void>
  /**
   * Tells the index which unshared names a move is about to share again: it would ignore their announcement.
   * @throws AppError INDEX_UNREACHABLE
   */
  reshare(request: MoveRequest): Promise<void>
  move(request: MoveRequest): Promise<void>
  copy(request: MoveRequest): Promise<void>
}

/** A file or folder on disk in shared/. */
export interface SharedItem {
  /** '' is shared/ itself. */
  readonly name: string
  readonly kind: 'folder' | 'file'
  readonly size: number
  readonly modifiedMs: number
  /** Differs after each change of the file. */
  readonly tag: string
  /** Undefined if the file is ignored, unshared, or not read yet. */
  readonly content?: { readonly sha256: string }
  /** Whether the file on disk no longer has the content. */
  readonly isDamaged?: boolean
}

export interface MoveRequest {
  readonly from: string
  readonly to: string
  /** Whether a file of that name may be replaced. */
  readonly replace: boolean
}
