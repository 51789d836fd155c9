import { expect, test } from 'vitest'
import { seededRandom } from '../../../common/random.ts'
import type { Member, MemberState } from '../member.ts'
import { neighboursFor } from './query-neighbours.ts'

const random = seededRandom('neighbours')

function member(peerId: string, { state = 'live' as MemberState, isMet = true } = {}): Member {
  const record = {
    peerId,
    generation: 1,
    version: 1,
    host: '127.0.0.1',
    port: 7_100,
    epoch: '0'.repeat(16),
    lastSeq: 0,
    freeBytes: 0,
  }
  return { record, state, isMet, isKnown: isMet, forGood: false, heardMs: 0, sinceMs: 0 }
}

function chosen(members: Member[], sender?: string): string[] {
  const found = neighboursFor(members, { sender, origin: 'origin' }, random)
  return found.map(({ record }) => record.peerId).toSorted()
}

test('neither the sender nor the origin nor a member that is gone', () => {
  const gone = (['suspect', 'dead', 'left'] as const).map((state) => member(state, { state }))
  const members = [member('sender'), member('origin'), member('a'), ...gone]
  expect(chosen(members, 'sender')).toEqual(['a'])
  expect(chosen(members)).toEqual(['a', 'sender'])
})

test('four of those that have answered before, others only if there are fewer', () => {
  const met = Array.from({ length: 20 }, (_, i) => member(`met${i}`))
  const unmet = Array.from({ length: 20 }, (_, i) => member(`unmet${i}`, { isMet: false }))
  const of20 = chosen([...unmet, ...met])
  expect(of20).toHaveLength(4)
  expect(of20.every((peerId) => peerId.startsWith('met'))).toBe(true)
  const of1 = chosen([...unmet, ...met.slice(0, 1)])
  expect(of1).toHaveLength(4)
  expect(of1).toContain('met0')
})

test('passed on by four of each, a query reaches nearly all of 1,000 members in seven hops', () => {
  const members = Array.from({ length: 1_000 }, (_, i) => member(`m${i}`))
  const heard = new Set(['m0'])
  let last = ['m0']
  for (let hop = 0; hop <= 7; hop++) {
    const told = last.flatMap((sender) => {
      const among = { sender, origin: 'm0' }
      return neighboursFor(members, among, random).map(({ record }) => record.peerId)
    })
    last = [...new Set(told)].filter((peerId) => !heard.has(peerId))
    for (const peerId of last) heard.add(peerId)
  }
  expect(heard.size).toBeGreaterThan(950)
})
