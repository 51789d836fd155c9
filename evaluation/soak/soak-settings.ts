import type { ClusterSettings } from '../system/cluster-fixture.ts'

/** Short enough to compress days into minutes, and long enough for two busy cores. */
export const soakSettings = {
  index: {
    heartbeatMs: 1_000,
    deadAfterMs: 6_000,
    startGraceMs: 1_000,
    brakeMs: 10_000,
    settleMs: 200,
    replacedMs: 20_000,
    trimAfterMs: 3_000,
  },
  peer: { quietMs: 200, rescanMs: 5_000 },
} as const satisfies ClusterSettings

/** Limit on the resident memory of any process. */
export const memoryBytesMax = 500 * 2 ** 20
