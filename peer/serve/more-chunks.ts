import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { ServedDownloads } from './served-contents.ts'

/** A reason of its own would be made, with a stack, for each answer. */
const enough = new AppError('CANCELLED', { what: 'A wait' })

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
  const stop = new AbortController()
  const isOver = AbortSignal.any([signal, stop.signal])
  const wait = { isLate: false }
  const waited = clock.sleep(deadlines.chunksWaitMs, isOver).then(
    () => {
      wait.isLate = true
    },
    () => {},
  )
  try {
    for (;;) {
      signal.throwIfAborted()
      const download = downloads.find(sha256)
      if (wait.isLate || download === undefined) return
      if (download.verified.size > beyond) break
      await Promise.race([download.changed, waited])
    }
    await clock.sleep(deadlines.chunksGroupMs, isOver)
  } finally {
    stop.abort(enough)
    await waited
  }
}
