import { expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { Peer } from '../registry.ts'
import type { ProofRecords } from '../store/proof-records.ts'
import type { StoredContent } from '../store/store.ts'
import { Examiner } from './examiner.ts'
import { Unproven } from './unproven.ts'

const records: ProofRecords = {
  unproven: async () => [],
  addUnproven: async () => {},
  removeUnproven: async () => {},
  walk: async () => undefined,
  setWalk: async () => {},
}

function contentOf(contentId: number, peerIds: readonly string[]): StoredContent {
  const sha256 = String(contentId).padStart(64, '0')
  const holders = peerIds.map((peerId) => ({ peerId, kind: 'shared' }) as const)
  const file = { owner: 'owner', name: String(contentId) }
  const wanted = { file, factor: 2, isTrashed: false, owners: ['owner'] }
  return { contentId, sha256, size: 1, chunkRoot: sha256, holders, ...wanted }
}

interface World {
  readonly clock: FakeClock
  readonly unproven: Unproven
  readonly examiner: Examiner
  /** Peers and contents of the challenges since this was called last. */
  readonly asked: () => string[]
}

/** An examiner of contents that these peers have. */
function aWorld(peerIds: readonly string[]): World {
  const clock = new FakeClock()
  const unproven = new Unproven({ records: () => records, clock, log: silentLog })
  const peers = Array.from({ length: 9 }, () => ({ state: 'live' }) as Peer)
  const asked: string[] = []
  const examiner = new Examiner(
    { content: () => {}, peer: () => {} },
    {
      store: { contents: async ([contentId = 0]) => [contentOf(contentId, peerIds)] },
      unproven,
      peers: { all: () => peers, peerOf: () => peers[0] },
      requests: {
        isConnected: () => true,
        async prove(peerId, { sha256 }, { deadlineMs }) {
          asked.push(`${peerId} ${Number(sha256)}`)
          if (peerId === 'slow') throw new AppError('DEADLINE_EXCEEDED', { what: '', deadlineMs })
          return 'a'.repeat(64)
        },
        showChunk: async () => {},
      },
      duty: { asksFor: () => true },
      blame: () => {},
      onChange: () => {},
      onTrust: () => {},
      events: { record: () => {} },
      clock,
      random: seededRandom('examiner'),
      log: silentLog,
    },
  )
  return { clock, unproven, examiner, asked: () => asked.splice(0).toSorted() }
}

const { signal } = new AbortController()

test('a peer that was late, and rests when others are asked again, owes its proof as before', async () => {
  const holders = ['owner', 'slow']
  const { clock, unproven, examiner, asked } = aWorld(holders)
  await examiner.examine(1, signal)
  expect(asked()).toEqual(['owner 1', 'slow 1'])
  await examiner.examine(1, signal)
  expect(asked()).toEqual(['owner 1'])
  await clock.advance(60_000)
  await examiner.examine(1, signal)
  expect(asked()).toEqual(['owner 1', 'slow 1'])
  const { sha256 } = contentOf(1, holders)
  expect(unproven.of('slow', sha256)).toMatchObject({ failure: 'late' })
})

test('of many holders some are asked each time, and after a while all', async () => {
  const max = limits.sourcesPerContentMax
  const { examiner, asked } = aWorld(Array.from({ length: 2 * max }, (_, number) => `p${number}`))
  const all = new Set<string>()
  for (let round = 0; round < 30; round += 1) {
    await examiner.examine(1, signal)
    const some = asked()
    expect(some).toHaveLength(max)
    for (const one of some) all.add(one)
  }
  expect(all.size).toBe(2 * max)
})
