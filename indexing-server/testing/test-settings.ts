import type { IndexingServerSettings } from '../indexing-server.ts'

/** The settings of an index in tests. */
export const testSettings: IndexingServerSettings = {
  host: '127.0.0.1',
  port: 7_000,
  data: ':memory:',
  replicationFactor: 2,
  heartbeatMs: 10_000,
  deadAfterMs: 60_000,
  startGraceMs: 3_000,
  brakeMs: 600_000,
  settleMs: 1_000,
  trimAfterMs: 600_000,
  reserveBytes: 1_000,
  repairBytesPerSecond: 'unlimited',
  moveBytesPerSecond: 'unlimited',
  rebalanceAbove: 0,
  replacedMs: 3_600_000,
  replacedBytes: 10_000_000,
  trashMs: 30 * 86_400_000,
  trashBytes: 1_024 ** 4,
  lookupBytes: 2 ** 20,
  // Tests that are about it set it.
  proofMs: 0,
  commitDelayMs: 2,
}
