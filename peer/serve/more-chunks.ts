import type { Clock } from '../../common/clock.ts'
import { deadlines } from '../../common/limits.ts'
import type { ServedDownloads } from './served-contents.ts'

/** Chunks that arrive within this time are reported together. */
export const chunksGroupMs = 20

/**
 * Resolves when a download of this peer has more than `beyond` chunks, has ended, or after
 * `deadlines.chunksWaitMs`. Waits a little longer for chunks that arrive shortly after each other.
 * @throws the signal's reason
 */
export async function moreChunks(
  sha256: string,
  beyond: number,
  { downloads, clock }: { downloads: ServedDownloads; clock: Clock },
  signal: AbortSignal,
): Promise<void> {
  const untilMs = clock.monotonicMs() + deadlines.chunksWaitMs
  for (;;) {
    signal.throwIfAborted()
    const leftMs = untilMs - clock.monotonicMs()
    const download = downloads.find(sha256)
    if (leftMs <= 0 || download === undefined) return
    if (download.verified.size > beyond) {
      const groupMs = Math.min(chunksGroupMs, leftMs)
      return await clock.sleep(groupMs, signal)
    }
    await download.changes.next(signal, { clock, delayMs: leftMs })
  }
}
