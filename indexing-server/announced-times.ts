import { deadlines } from '../common/limits.ts'
import type { Change } from '../common/protocol/messages.ts'

/**
 * The changes with no file modified later than now: what claims to be of a later time would be the
 * newest of its name until then.
 */
export function notInFuture(changes: readonly Change[], nowMs: number): Change[] {
  const latestMs = Math.floor(nowMs + deadlines.clockSkewMs)
  return changes.map((change) =>
    change.op === 'put' && change.modifiedMs > latestMs
      ? { ...change, modifiedMs: latestMs }
      : change,
  )
}
