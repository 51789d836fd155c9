import type { Change } from '../../common/protocol/messages.ts'

export interface CutLimits {
  readonly changesMax: number
  /** Of the changes' JSON; a single larger change still makes a part of its own. */
  readonly bytesTarget: number
}

/** Cuts changes, in order, into parts of a bounded count and size; none is empty. */
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
