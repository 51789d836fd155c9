import { deadlines } from '../common/limits.ts'
import type { Change } from '../common/protocol/messages.ts'

/**
 * Moves files with a modification time in the future to `nowMs`: otherwise they would be the newest
 * of their name until then.
 */
export function notInFuture(changes: readonly Change[], nowMs: number): Change[] {
  const latestMs = Math.floor(nowMs + deadlines.clockSkewMs)
  return changes.map((change) =>
    change.op === 'put' && change.modifiedMs > latestMs
      ? { ...change, modifiedMs: latestMs }
      : change,
  )
}
