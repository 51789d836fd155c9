import type { Connection } from '../../common/protocol/connection.ts'
import { type Health, type HealthFacts, healthOf } from '../health.ts'
import { peerMetrics } from '../metrics.ts'
import type { Vitals } from '../web/web-server.ts'

/** The facts of a healthy peer with two files that are not shared. */
export const fakeHealth: HealthFacts = {
  index: { state: 'connected' },
  unreachable: undefined,
  keptFolders: [],
  room: { freeBytes: 9_000_000_000, diskBytes: 10_000_000_000 },
  historyFault: undefined,
  problems: new Map([['NAME_BACKSLASH', 2] as const]),
}

/** The vitals of a peer that has done some work. */
export function fakeVitals(facts = fakeHealth): Vitals {
  const health = async (): Promise<Health> => healthOf(facts)
  const total = (count: number): { count: number; bytes: number } => ({ count, bytes: 0 })
  const metrics = peerMetrics({
    health,
    announcer: { connection: {} as Connection },
    share: {
      keptFolders: () => [],
      damagedCount: 1,
      totals: () => ({ shared: total(3), downloaded: total(2), replicated: total(1) }),
    },
    scrubber: {
      counts: { bytes: 4_000, bad: 1 },
      status: {
        state: 'running',
        isPaused: false,
        days: 30,
        pass: {
          startedMs: 0,
          bytes: 250,
          files: 1,
          bad: 1,
          totalBytes: 1_000,
          totalFiles: 4,
          isHurried: false,
        },
        last: { startedMs: 1_000, endedMs: 5_000, bytes: 1_000, files: 4, bad: 0 },
      },
    },
    limiter: {
      capacityBytes: 5_000,
      uploads: { passedBytes: { download: 1_000, replication: 500 } },
      downloads: { passedBytes: { download: 2_000, replication: 600 } },
    },
    fetcher: { reusedBytes: { download: 700, replication: 80 } },
    downloads: { counts: { waiting: 1, running: 2, paused: 0, done: 3, failed: 4 } },
  })
  return { peerId: 'peer1', health, unready: () => undefined, metrics }
}
