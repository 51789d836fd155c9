import type { Clock } from '../../../common/clock.ts'
import type { ByteRange } from '../../../common/content/chunks.ts'
import type { Random } from '../../../common/random.ts'
import type { FileSender } from '../files/file-sender.ts'
import type { FileSources } from '../files/file-sources.ts'
import type { DeadProperties } from './dead-properties.ts'
import type { Drive } from './drive.ts'
import type { LockTable } from './lock-table.ts'
import type { SharedFiles } from './shared-files.ts'

/** A file to store in shared/. */
export interface StoredFile {
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly bytesAnnounced?: number | undefined
  readonly modifiedMs?: number | undefined
  /** Whether a file of this peer may be replaced. */
  readonly replace: boolean
}

/** A file of another peer, to be copied into shared/. */
export interface CopiedFile {
  readonly from: string
  readonly sha256: string
  readonly to: string
  /** Whether a file of this peer may be replaced. */
  readonly replace: boolean
}

/** What the methods work with. */
export interface DavParts {
  readonly drive: Drive
  readonly tree: Omit<SharedFiles, 'goneNames' | 'list' | 'look'>
  readonly locks: LockTable
  readonly properties: DeadProperties
  readonly clock: Clock
  readonly random: Random
  /** Stores a file, complete or not at all. @throws AppError NAME_EXISTS; errors of the stream */
  store(file: StoredFile, signal: AbortSignal): Promise<void>
  /** Answers with the bytes of a content. */
  readonly sender: Pick<FileSender, 'send'>
  readonly sources: FileSources
  /** Bytes of a file of this peer that is not shared, or not read yet. */
  readUnread(name: string, range: ByteRange): AsyncIterable<Uint8Array>
  /** Fetches a file into shared/. @throws AppError NAME_EXISTS */
  fetchCopy(file: CopiedFile, signal: AbortSignal): Promise<void>
}
