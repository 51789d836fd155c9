import type { Source } from '../../../common/protocol/messages.ts'
import { labelOf } from './peer-source.ts'

/** What one source has sent to a fetch. */
export interface SentBytes {
  readonly source: Source
  /** All of it, good or not. */
  readonly bytes: number
}

/** What one source sends to a fetch now. */
export interface SourceProgress extends SentBytes {
  readonly bytesPerSecond: number
}

/** Adds bytes to those of their source, by its label. */
export function addSent(sent: Map<string, SentBytes>, source: Source, bytes: number): void {
  const label = labelOf(source)
  sent.set(label, { source, bytes: bytes + (sent.get(label)?.bytes ?? 0) })
}
