import type { Vitals } from '../web/metrics.ts'

/** The figures of a peer that has done a little. */
export const fakeVitals: Vitals = {
  peerId: 'peer1',
  isIndexConnected: () => true,
  sentBytes: () => ({ download: 1_000, replication: 500 }),
  receivedBytes: () => ({ download: 2_000, replication: 600 }),
  fileCounts: () => ({ shared: 3, downloaded: 2, replicated: 1 }),
  problemCounts: () => new Map([['NAME_BACKSLASH', 2] as const]),
  entriesKept: () => ({}),
  downloadCounts: () => ({ waiting: 1, running: 2, paused: 0, done: 3, failed: 4 }),
}
