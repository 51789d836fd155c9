import type { BulkSink, FixedBufferSink } from '../../../common/protocol/bulk.ts'
import type { Purpose } from '../../../common/protocol/messages.ts'
import type { ConnectionProgress } from './connection-progress.ts'

/**
 * Called with received bytes of contents and chunk lists; nothing more is read from their connection
 * before its promise settles.
 */
export type OnReceived = (bytes: number, purpose: Purpose) => Promise<void> | undefined

interface Counting {
  readonly purpose: Purpose
  /** Of the connection on which the bytes arrive. */
  readonly progress: ConnectionProgress
  readonly onReceived: OnReceived
  /** Called with the bytes that are wanted. */
  readonly onBytes?: ((bytes: number) => void) | undefined
}

/** `sink`, with all bytes of its reply counted and throttled, unwanted ones included. */
export function countedSink(
  sink: FixedBufferSink,
  { purpose, progress, onReceived, onBytes }: Counting,
): BulkSink {
  const count = (bytes: number): Promise<void> | undefined => {
    progress.onBytes(bytes)
    const held = onReceived(bytes, purpose)
    return held && progress.excuse(held)
  }
  return {
    begin: (bytes) => sink.begin(bytes),
    write: (piece) => {
      sink.write(piece)
      onBytes?.(piece.length)
      return count(piece.length)
    },
    skip: count,
  }
}
