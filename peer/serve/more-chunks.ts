import type { Cancel, Clock } from '../../common/clock.ts'
import { deadlines } from '../../common/limits.ts'
import type { ServedDownloads } from './served-contents.ts'

/**
 * Resolves when a download of this peer has more than `beyond` chunks, has ended, or after
 * `deadlines.chunksWaitMs`. Those that come shortly after another are waited for, too.
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
      const groupMs = Math.min(deadlines.chunksGroupMs, leftMs)
      return await clock.sleep(groupMs, signal)
    }
    await changeWithin(leftMs, download.changed, clock, signal)
  }
}

/** Resolves with the change, after `delayMs`, or when the signal is aborted. Thousands may wait: each holds little. */
function changeWithin(
  delayMs: number,
  changed: Promise<void>,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const end = (): void => {
    cancelTimer()
    cancelChange()
    signal.removeEventListener('abort', end)
    resolve()
  }
  const cancelTimer = clock.after(delayMs, end)
  const cancelChange = onChanged(changed, end)
  signal.addEventListener('abort', end, { once: true })
  return promise
}

const waiting = new WeakMap<Promise<void>, Set<() => void>>()

/** Who waits for a change leaves nothing at its promise when the wait is over: that may take days to settle. */
function onChanged(changed: Promise<void>, callback: () => void): Cancel {
  const known = waiting.get(changed)
  const callbacks = known ?? new Set()
  if (known === undefined) {
    waiting.set(changed, callbacks)
    const tellAll = (): void => callbacks.forEach((tell) => tell())
    changed.then(tellAll, tellAll)
  }
  callbacks.add(callback)
  return () => callbacks.delete(callback)
}
