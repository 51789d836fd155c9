import type { BulkSink, FixedBufferSink } from '../../../common/protocol/bulk.ts'
import type { Purpose } from '../../../common/protocol/messages.ts'
import type { ConnectionProgress } from './connection-progress.ts'

/**
 * Told of bytes of contents and chunk lists that came; nothing more is read from their connection before
 * its promise settles.
 */
export type OnReceived = (bytes: number, purpose: Purpose) => Promise<void> | undefined

interface Counting {
  readonly purpose: Purpose
  /** Of the connection that the bytes come on. */
  readonly progress: ConnectionProgress
  readonly onReceived: OnReceived
  /** Told of those that are taken. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** `sink`, with all bytes of its reply counted, and held back as the limits say: those, too, that nobody wants any more. */
export function countedSink(
  sink: FixedBufferSink,
  { purpose, progress, onReceived, onBytes }: Counting,
): BulkSink {
  const count = (bytes: number): Promise<void> | undefined => {
    const held = onReceived(bytes, purpose)
    return held && progress.excuse(held)
  }
  return {
    begin: (bytes) => sink.begin(bytes),
    write: (piece) => {
      sink.write(piece)
      progress.onBytes(piece.length)
      onBytes?.(piece.length)
      return count(piece.length)
    },
    skip: count,
  }
}
