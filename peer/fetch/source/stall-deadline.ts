import { deadlines, limits } from '../../../common/limits.ts'

/**
 * How long a source may take for its next `limits.bulkProgressBytesMin`: the more was requested the
 * longer, because the request may be queued there, and slow disks take time.
 * @param bytesOwed requested from it, and not received
 */
export function stallDeadlineMs(bytesOwed: number): number {
  return Math.ceil(deadlines.bulkStallMs + bytesOwed / limits.promisedBytesPerMsMin)
}
