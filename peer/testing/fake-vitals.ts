import { type HealthFacts, healthOf } from '../health.ts'
import type { Vitals } from '../web/metrics.ts'

/** The facts of a peer that does its work, but for two files that are not shared. */
export const fakeHealth: HealthFacts = {
  index: { state: 'connected' },
  unreachable: undefined,
  keptFolders: [],
  room: { freeBytes: 9_000_000_000, diskBytes: 10_000_000_000 },
  problems: new Map([['NAME_BACKSLASH', 2] as const]),
}

/** The figures of a peer that has done a little. */
export const fakeVitals: Vitals = {
  peerId: 'peer1',
  isIndexConnected: () => true,
  sentBytes: () => ({ download: 1_000, replication: 500 }),
  receivedBytes: () => ({ download: 2_000, replication: 600 }),
  fileCounts: () => ({ shared: 3, downloaded: 2, replicated: 1 }),
  health: async () => healthOf(fakeHealth),
  entriesKept: () => ({}),
  downloadCounts: () => ({ waiting: 1, running: 2, paused: 0, done: 3, failed: 4 }),
}
