import type { Clock } from '../../../common/clock.ts'
import type { ByteRange } from '../../../common/content/chunks.ts'
import type { Content, FoundContent } from '../../../common/protocol/messages.ts'
import type { PeerApi } from '../../api/calls.ts'

/** Takes bytes, which are valid until it resolves. */
export type WriteBytes = (bytes: Uint8Array) => Promise<void>

/** A content on this peer's disk. */
export interface LocalContent {
  readonly content: Content
  readonly modifiedMs: number
  readonly chunkList: Uint8Array
}

interface PartRequest {
  readonly sha256: string
  readonly range: ByteRange
  readonly signal: AbortSignal
  /** False if the bytes do not leave this peer: then they do not count as an upload. */
  readonly isSent?: boolean
}

/** What the doors for files need of the peer. */
export interface FileSources {
  readonly peerId: string
  readonly zone: string | undefined
  /** The content as this peer has it, whole. */
  local(sha256: string): LocalContent | undefined
  /**
   * Bytes of a local content, verified; each piece is valid until the next is requested.
   * @throws (while iterating) AppError CONTENT_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED, BUSY; or the
   *   signal's reason
   */
  readLocal(
    request: PartRequest & { readonly requester: { readonly id: string; readonly host: string } },
  ): AsyncIterable<Uint8Array>
  /**
   * Reads a content from other peers, verified and in order.
   * @throws AppError CONTENT_NOT_FOUND, NO_SOURCE, HASH_MISMATCH, what `write` throws; or the signal's
   *   reason
   */
  readOthers(
    request: PartRequest & {
      readonly name: string
      readonly found: readonly FoundContent[]
      readonly write: WriteBytes
    },
  ): Promise<void>
  /** The chunk list of a content of other peers. @throws AppError NO_SOURCE */
  chunkListOf(found: FoundContent, name: string, signal: AbortSignal): Promise<Uint8Array>
  /** The contents of a name, preferred one first. @throws AppError NAME_INVALID, NAME_NOT_FOUND, INDEX_UNREACHABLE */
  lookup(name: string, signal: AbortSignal, sha256?: string): Promise<FoundContent[]>
  readonly folder: PeerApi['folder']
  readonly clock: Clock
}
