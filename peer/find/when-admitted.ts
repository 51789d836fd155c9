import type { Clock } from '../../common/clock.ts'
import { hasCode } from '../../common/errors.ts'

/** How often a request is sent to an index that refuses it because it has too much to do. */
const triesMax = 4

/**
 * Asks an index, and comes back when it says so, a few times, if it has too much to do.
 * @throws what `ask` throws; the signal's reason
 */
export async function whenAdmitted<T>(
  ask: () => Promise<T>,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal | undefined },
): Promise<T> {
  for (let times = 1; ; times += 1) {
    try {
      return await ask()
    } catch (error) {
      if (!hasCode(error, 'OVERLOADED') || times === triesMax) throw error
      await clock.sleep(times * Number(error.details['retryAfterMs']), signal)
    }
  }
}
