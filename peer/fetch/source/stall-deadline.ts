import { deadlines, limits } from '../../../common/limits.ts'

/**
 * How long a source may take for its next `limits.bulkProgressBytesMin`: the longer the more it was
 * asked for, for others may stand in line there, and what is read from a slow disk takes its time.
 * @param bytesOwed asked of it, and not here
 */
export function stallDeadlineMs(bytesOwed: number): number {
  return Math.ceil(deadlines.bulkStallMs + bytesOwed / limits.promisedBytesPerMsMin)
}
