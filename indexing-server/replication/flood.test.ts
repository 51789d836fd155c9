import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { Peer } from '../registry.ts'
import type { StoredContent } from '../store/store.ts'
import { contentOf } from '../testing/index-cluster.ts'
import { Coordinator } from './coordinator.ts'
import { DropGrants } from './drop-grants.ts'

const options = {
  settleMs: 100,
  trimAfterMs: 600_000,
  reserveBytes: 0,
  repairBytesPerSecond: 'unlimited',
  moveBytesPerSecond: 'unlimited',
  rebalanceAbove: 0,
}

function aPeer(peerId: string): Peer {
  const holdings = { copies: 0, bytes: 0, replicas: 0, replicaBytes: 0 }
  const liveness = {
    state: 'live',
    isLost: false,
    flapping: undefined,
    maintenance: undefined,
    isDraining: false,
    isDistrusted: false,
    isExcused: false,
    isAccused: false,
    lastLiveMs: undefined,
    liveSinceMs: 0,
  } as const
  return { peerId, host: 'h', port: 1, zone: undefined, freeBytes: 1e9, holdings, ...liveness }
}

/** The content with this id, on both peers if its id is even. */
function aContent(contentId: number): StoredContent {
  const peerIds = contentId % 2 === 0 ? ['peer1', 'peer2'] : ['peer1']
  const holders = peerIds.map((peerId) => ({ peerId, kind: 'shared' as const }))
  return {
    contentId,
    ...contentOf('a'),
    holders,
    owners: ['p1'],
    factor: 2,
    file: { owner: 'peer1', name: 'a' },
    isTrashed: false,
  }
}

test('changes without end keep neither copies from being made nor contents from being judged', async () => {
  const clock = new FakeClock()
  const peers = new Map([aPeer('peer1'), aPeer('peer2')].map((peer) => [peer.peerId, peer]))
  const handedOut: string[] = []
  let lastId = 10
  await using coordinator = new Coordinator(options, {
    peers: { all: () => peers.values(), peerOf: (peerId) => peers.get(peerId) },
    sendTasks: async (target) => {
      handedOut.push(target)
    },
    cancelTasks: async () => {},
    brake: { hold: undefined },
    store: {
      async contents(contentIds) {
        // Whenever some are judged, more have changed.
        lastId += 10_000
        coordinator.onTouched(Array.from({ length: 2_000 }, (_, index) => lastId + 2 * index))
        return contentIds.map(aContent)
      },
      // Found by the walk only.
      contentIds: async () => ({ contentIds: [1], next: undefined }),
      listNames: async () => [],
      trash: async () => [],
      obsoleteCopies: async () => [],
      replicasAt: async () => [],
      versionsOf: async () => [],
    },
    grants: new DropGrants({ clock }),
    events: { record: () => {} },
    onHealed: () => {},
    clock,
    random: seededRandom('flood'),
    log: silentLog,
  })
  coordinator.onTouched([2])
  coordinator.start()
  for (let ms = 0; ms < 3_000; ms++) await clock.advance(1)
  expect(handedOut).toEqual(['peer2'])
})
