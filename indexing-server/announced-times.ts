import type { Change } from '../common/protocol/messages.ts'

/** Tolerance for times in the future: clocks synchronized over the network differ by less. */
const clockSkewMs = 5_000

/**
 * Moves files with a modification time in the future to `nowMs`: otherwise they would be the newest
 * of their name until then.
 */
export function notInFuture(changes: readonly Change[], nowMs: number): Change[] {
  const latestMs = Math.floor(nowMs + clockSkewMs)
  return changes.map((change) =>
    change.op === 'put' && change.modifiedMs > latestMs
      ? { ...change, modifiedMs: latestMs }
      : change,
  )
}
