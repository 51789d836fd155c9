/** Where a chunk may lie on this peer's disk: in a file with this content, from this position on. */
export interface ChunkPlace {
  readonly sha256: string
  readonly position: number
}

/** An open file. Disposing closes it. */
export interface LocalFile extends AsyncDisposable {
  readonly descriptor: number
  /** Called when bytes are not those that were recorded. */
  onMismatch(): void
}

/**
 * The chunks that this peer has in its files. A fetch copies them instead of requesting them, and trusts
 * neither the places nor the bytes: it compares the hashes, as with chunks from other peers.
 */
export interface LocalChunks {
  /** The places of those of `chunks` that this peer may have. */
  find(
    chunkList: Uint8Array,
    chunks: readonly number[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<number, ChunkPlace>>
  /** Opens an unchanged file with this content, if there is one. */
  open(sha256: string): Promise<LocalFile | undefined>
}
