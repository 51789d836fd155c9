import { limits } from '../../common/limits.ts'
import { sumOfUnplaceable } from '../../common/protocol/plan-shapes.ts'
import type { Safety } from '../api/cluster-shapes.ts'

type Counts = Omit<Safety, 'peerId'>

/** The counts of two pages together. */
export function sumOfSafety(a: Counts, b: Counts): Counts {
  const unplaceable = sumOfUnplaceable(a.unplaceable, b.unplaceable)
  return {
    ...(unplaceable && { unplaceable }),
    held: sum(a.held, b.held),
    alone: sumOfSamples(a.alone, b.alone),
    lacking: sumOfSamples(a.lacking, b.lacking),
  }
}

function sum(a: Counts['held'], b: Counts['held']): Counts['held'] {
  const bytes = Math.min(a.bytes + b.bytes, Number.MAX_SAFE_INTEGER)
  return { files: a.files + b.files, bytes }
}

function sumOfSamples(a: Counts['alone'], b: Counts['alone']): Counts['alone'] {
  const names = [...new Set([...a.names, ...b.names])].slice(0, limits.safetyNamesMax)
  return { ...sum(a, b), names }
}
