import { expect, onTestFinished, test } from 'vitest'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { Peer } from '../registry.ts'
import type { StrayReplica } from '../store/store.ts'
import { Relabels } from './relabels.ts'

const aStray: StrayReplica = {
  place: 1,
  owner: 'owner',
  name: 'old',
  version: '',
  sha256: 'a'.repeat(64),
  to: { owner: 'owner', name: 'new' },
}

/** Peers with one stray replica each, which they move as `answer` says. */
function relabelsOf(
  peerIds: readonly string[],
  answer: (peerId: string, copies: readonly Relabelling[]) => Promise<boolean[]>,
): { relabels: Relabels; clock: FakeClock; asked: string[]; strays: Map<string, StrayReplica[]> } {
  const clock = new FakeClock()
  const asked: string[] = []
  const strays = new Map(peerIds.map((peerId) => [peerId, [aStray]]))
  const relabels = new Relabels({
    store: {
      strays: async (peerId, _, after) => (after === undefined ? (strays.get(peerId) ?? []) : []),
    },
    peers: () => peerIds.map((peerId) => ({ peerId, state: 'live' }) as Peer),
    peerOf: (peerId) => (peerIds.includes(peerId) ? { state: 'live' } : undefined),
    relabel: async (peerId, copies) => {
      asked.push(peerId)
      const moved = await answer(peerId, copies)
      if (moved[0] === true) strays.set(peerId, [])
      return moved
    },
    clock,
    log: silentLog,
  })
  relabels.start()
  onTestFinished(async () => await relabels[Symbol.asyncDispose]())
  return { relabels, clock, asked, strays }
}

test('a peer that does not answer holds up no other, now or later', async () => {
  const answered = Promise.withResolvers<boolean[]>()
  const { relabels, clock, asked, strays } = relabelsOf(['slow', 'fast'], async (peerId) =>
    peerId === 'slow' ? await answered.promise : [true],
  )
  relabels.onStrays()
  await clock.advance(1_000)
  expect(asked.toSorted()).toEqual(['fast', 'slow'])
  strays.set('fast', [aStray])
  relabels.onStrays()
  await clock.advance(1_000)
  expect(asked.filter((peerId) => peerId === 'fast')).toHaveLength(2)
  expect(asked.filter((peerId) => peerId === 'slow')).toHaveLength(1)
  // What it has to move by now is not forgotten.
  answered.resolve([false])
  await clock.advance(1_000)
  expect(asked.filter((peerId) => peerId === 'slow')).toHaveLength(2)
})

test('a limited number of peers is asked at a time, and all of them eventually', async () => {
  const peerIds = Array.from({ length: 40 }, (_, number) => `peer${number}`)
  const waiting: ((moved: boolean[]) => void)[] = []
  const { relabels, clock, asked } = relabelsOf(
    peerIds,
    async () => await new Promise((resolve) => waiting.push(resolve)),
  )
  relabels.onStrays()
  await clock.advance(1_000)
  expect(asked).toHaveLength(16)
  while (waiting.length > 0) {
    waiting.shift()?.([true])
    await clock.advance(200)
  }
  expect(asked.toSorted()).toEqual(peerIds.toSorted())
})

test('a peer that did not move its replicas is asked again, less and less often', async () => {
  let isReady = false
  const { relabels, clock, asked } = relabelsOf(['peer'], async () => [isReady])
  relabels.onStrays()
  const askedAfter = async (ms: number): Promise<number> => {
    await clock.advance(ms)
    return asked.length
  }
  expect(await askedAfter(1_900)).toBe(1)
  expect(await askedAfter(300)).toBe(2)
  expect(await askedAfter(3_600)).toBe(2)
  expect(await askedAfter(600)).toBe(3)
  await clock.advance(300_000)
  const before = asked.length
  expect(await askedAfter(600_000)).toBe(before + 10)
  isReady = true
  expect(await askedAfter(70_000)).toBe(before + 11)
  expect(await askedAfter(600_000)).toBe(before + 11)
})
