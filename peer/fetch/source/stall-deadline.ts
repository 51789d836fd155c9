import { deadlines } from '../../../common/limits.ts'

/** Speed at which a source may deliver outstanding requests: 1 MiB/s, a slow busy disk. */
const promisedBytesPerMsMin = 1_024

/**
 * How long a source may take for its next `limits.bulkProgressBytesMin`: the more was requested the
 * longer, because the request may be queued there, and slow disks take time.
 * @param bytesOwed requested from it, and not received
 */
export function stallDeadlineMs(bytesOwed: number): number {
  return Math.ceil(deadlines.bulkStallMs + bytesOwed / promisedBytesPerMsMin)
}
