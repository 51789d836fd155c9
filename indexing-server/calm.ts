import type { Clock } from '../common/clock.ts'

/** How often it looks whether the index is calm. */
export const calmMs = 1_000
/** Work that can wait does not wait longer, however busy the index is. */
const waitMaxMs = 120_000

/** Resolves when the index has nothing more urgent to do, or has been busy for long. */
export async function untilCalm(
  isBusy: () => boolean,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const lastMs = clock.monotonicMs() + waitMaxMs
  while (isBusy() && clock.monotonicMs() < lastMs) await clock.sleep(calmMs, signal)
}
