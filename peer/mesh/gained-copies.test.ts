import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { Change } from '../../common/protocol/messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { GainedCopies } from './gained-copies.ts'
import type { Member } from './member.ts'

const shaOf = (seq: number): string => seq.toString(16).padStart(64, '0')

function put(seq: number): Change {
  const content = { sha256: shaOf(seq), size: 1, chunkRoot: shaOf(seq), modifiedMs: 1 }
  return { op: 'put', kind: 'downloaded', seq, name: `f${seq}`, ...content }
}

class World {
  readonly clock = new FakeClock()
  readonly notKept = new Map([['peer1', 0]])
  readonly asked: [string, number][] = []
  readonly states: Record<string, Member['state']> = { peer1: 'live', peer2: 'live' }
  changes: Change[] = []
  failure: AppError | undefined

  constructor() {
    const stop = new AbortController()
    const lastSeq = (): number => this.changes.at(-1)?.seq ?? 0
    const following = new GainedCopies({
      kept: {
        notKept: this.notKept,
        onAsked: (peerId, seq) => this.notKept.set(peerId, seq),
      },
      catalog: {
        get lastSeq() {
          return lastSeq()
        },
        changesSince: (seq, limit) =>
          this.changes.filter((change) => change.seq > seq).slice(0, limit),
      },
      mesh: { members: () => Object.entries(this.states).map(([id, state]) => member(id, state)) },
      mirrors: {
        learnCopies: async (peerId, sha256s) => {
          this.asked.push([peerId, sha256s.length])
          if (this.failure !== undefined) throw this.failure
          return 0
        },
      },
      clock: this.clock,
      log: silentLog,
    }).follow(stop.signal)
    onTestFinished(async () => {
      stop.abort(new Error('enough'))
      await following.catch(() => {})
    })
  }
}

function member(peerId: string, state: Member['state']): Member {
  const address = { host: '10.0.0.1', port: 7_100 }
  const versions = { generation: 1, version: 1, epoch: '0'.repeat(16), lastSeq: 0, freeBytes: 0 }
  const record = { peerId, ...address, ...versions }
  return { record, state, isMet: true, isKnown: true, forGood: false, heardMs: 0, sinceMs: 0 }
}

test('members whose catalogs are not kept are asked about each content that is new here, once', async () => {
  const world = new World()
  world.changes = Array.from({ length: 300 }, (_, i) => put(i + 1))
  await world.clock.advance(1_000)
  expect(world.asked).toEqual([
    ['peer1', 256],
    ['peer1', 44],
  ])
  await world.clock.advance(5_000)
  expect(world.asked).toHaveLength(2)
  world.changes.push({ op: 'drop', seq: 301, kind: 'downloaded', name: 'f1' })
  await world.clock.advance(1_000)
  expect([world.asked.length, world.notKept.get('peer1')]).toEqual([2, 301])
  world.changes.push(put(302))
  await world.clock.advance(1_000)
  expect(world.asked.at(-1)).toEqual(['peer1', 1])
})

test('a member that was away, or does not answer, is asked later', async () => {
  const world = new World()
  world.changes = [put(1)]
  world.states['peer1'] = 'dead'
  await world.clock.advance(60_000)
  expect(world.asked).toEqual([])
  world.states['peer1'] = 'live'
  world.failure = new AppError('BUSY')
  await world.clock.advance(1_000)
  await world.clock.advance(5_000)
  expect(world.asked).toHaveLength(1)
  world.failure = undefined
  for (let i = 0; i < 10; i++) await world.clock.advance(1_000)
  expect([world.asked.length, world.notKept.get('peer1')]).toEqual([2, 1])
})
