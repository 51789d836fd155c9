/** Examples of the calls about what happens and happened. */
import type { Summary } from '../../api/status-shapes.ts'
import { type CallExamples, name, owner, sha256, size, timeMs } from './example.ts'

type ActivityCall = 'events' | 'stats' | 'transfers' | 'history' | 'queries' | 'series'

const seconds: Summary = { count: 3, mean: 0.012, stdev: 0.004, min: 0.008, max: 0.016 }
const rates: Summary = { count: 2, mean: 204_800, stdev: 15_234, min: 194_028, max: 215_572 }
const eventId = 'mk0yo5c0-57'

export const activityExamples: CallExamples<ActivityCall> = {
  events: {
    request: { kinds: 'healed,peer-dead', limit: 1 },
    reply: {
      events: [
        {
          id: eventId,
          timeMs,
          kind: 'healed',
          peerId: 'peer2',
          otherPeerId: owner,
          folder: 'photos',
          count: 538,
          bytes: 1_410_334_720,
          durationMs: 42_000,
          reason: 'peer3 is dead',
          text: 'peer2 replaced lost copies of 538 files in photos/ from peer1 (1.41 GB in 42 s): peer3 is dead',
        },
      ],
      next: eventId,
      isMore: true,
      newest: eventId,
    },
  },
  stats: {
    reply: {
      peerId: owner,
      uptimeSeconds: 86_400,
      searchSeconds: seconds,
      downloadBytesPerSecond: rates,
      throughputBytesPerSecond: 198_450,
      sentBytes: 1_410_334_720,
      receivedBytes: size,
      files: { shared: 1_204, downloaded: 1, replicated: 538 },
    },
  },
  transfers: {
    reply: [
      {
        direction: 'in',
        purpose: 'download',
        peerId: owner,
        name,
        sha256,
        count: 1,
        size,
        bytes: 1_048_576,
        bytesPerSecond: 2_097_152,
      },
    ],
  },
  history: {
    request: { peer: 'all', direction: 'in', limit: 1 },
    reply: {
      transfers: [
        {
          id: `${timeMs}-7`,
          at: 'peer2',
          timeMs,
          direction: 'in',
          purpose: 'download',
          name,
          sha256,
          count: 1,
          bytes: size,
          from: [{ peerId: owner, bytes: size }],
          to: 'peer2',
          durationMs: 2_000,
          bytesPerSecond: 2_097_152,
        },
      ],
      next: `${timeMs}-7-peer2`,
      missing: [{ peerId: 'peer3', code: 'DEADLINE_EXCEEDED' }],
    },
  },
  queries: {
    request: { limit: 1 },
    reply: {
      queries: [
        {
          id: `${timeMs}-7`,
          at: owner,
          timeMs,
          kind: 'lookup',
          what: name,
          by: 'command',
          count: 1,
          found: 1,
          sha256,
          addresses: ['192.0.2.1:7100'],
          durationMs: 1.25,
        },
      ],
      next: `${timeMs}-7-${owner}`,
      missing: [],
    },
  },
  series: {
    request: { hours: 1 },
    reply: {
      everyMs: 10_000,
      samples: [
        {
          timeMs,
          uploadBytesPerSecond: 2_097_152,
          downloadBytesPerSecond: 0,
          lookupsPerSecond: 12.5,
          p50Ms: 0.4,
          p99Ms: 3.1,
          atFactor: 1_203,
          belowFactor: 1,
          withoutCopies: 0,
        },
      ],
    },
  },
}
