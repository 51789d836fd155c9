import type { Change } from '../../common/protocol/messages.ts'

export interface CutLimits {
  readonly changesMax: number
  /** Size of the changes' JSON; a larger single change is a part of its own. */
  readonly bytesTarget: number
}

/** Splits changes, in order, into parts of bounded count and size; none is empty. */
export function cutChanges(changes: readonly Change[], limits: CutLimits): Change[][] {
  const parts: Change[][] = []
  let part: Change[] = []
  let partBytes = 0
  for (const change of changes) {
    const bytes = Buffer.byteLength(JSON.stringify(change)) + 1
    const isFull = part.length >= limits.changesMax || partBytes + bytes > limits.bytesTarget
    if (isFull && part.length > 0) {
      parts.push(part)
      part = []
      partBytes = 0
    }
    part.push(change)
    partBytes += bytes
  }
  if (part.length > 0) parts.push(part)
  return parts
}
