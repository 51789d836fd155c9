import type { Source } from '../../../common/protocol/messages.ts'

/** What one source sends to a fetch now. */
export interface SourceProgress {
  readonly source: Source
  /** All that it sent, good or not. */
  readonly bytes: number
  readonly bytesPerSecond: number
}
