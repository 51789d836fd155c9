import type { Clock } from '../../../common/clock.ts'
import type { ByteRange } from '../../../common/content/chunks.ts'
import type { DeadProperties } from './dead-properties.ts'
import type { Drive, Resource } from './drive.ts'
import type { LockTable } from './lock-table.ts'
import type { SharedFiles } from './shared-files.ts'

/** A file to store in shared/. */
export interface StoredFile {
  readonly name: string
  readonly bytes: AsyncIterable<Uint8Array>
  readonly bytesAnnounced?: number | undefined
  readonly modifiedMs?: number | undefined
}

/** A file of another peer, to be copied into shared/. */
export interface CopiedFile {
  readonly from: string
  readonly sha256: string
  readonly to: string
}

/** What the methods work with. */
export interface DavParts {
  readonly drive: Drive
  readonly tree: Omit<SharedFiles, 'goneNames' | 'list' | 'look'>
  readonly locks: LockTable
  readonly properties: DeadProperties
  readonly clock: Clock
  /** Stores a file, replacing one of this peer; complete or not at all. */
  store(file: StoredFile, signal: AbortSignal): Promise<void>
  /** Bytes of a file; those of a content are verified. */
  read(file: Resource, range: ByteRange, signal: AbortSignal): AsyncIterable<Uint8Array>
  /** Fetches a file into shared/, replacing one of this peer. */
  fetchCopy(file: CopiedFile, signal: AbortSignal): Promise<void>
}
