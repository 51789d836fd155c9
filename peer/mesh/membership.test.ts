import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { type Member } from './member.ts'
import { Membership } from './membership.ts'

const second = 1_000

interface World {
  readonly membership: Membership
  readonly clock: FakeClock
  /** States that members entered, in order. */
  readonly story: string[]
  readonly improper: string[]
}

function recordOf(peerId: string, fields: Partial<MemberRecord> = {}): MemberRecord {
  return {
    peerId,
    generation: 1,
    version: 1,
    host: peerId,
    port: 7_000,
    epoch: '0123456789abcdef',
    lastSeq: 0,
    freeBytes: 0,
    ...fields,
  }
}

function world(): World {
  const clock = new FakeClock()
  const [story, improper]: [string[], string[]] = [[], []]
  const { generation: _, version: __, ...self } = recordOf('self')
  const membership = new Membership(
    { self, settings: { deadAfterMs: 60 * second, forgetAfterMs: 600 * second } },
    {
      clock,
      log: silentLog,
      improper: { report: (_teller, why) => improper.push(why) },
      onMember: ({ record, state }: Member) => story.push(`${record.peerId} ${state}`),
      onForgotten: ({ record }) => story.push(`${record.peerId} forgotten`),
      onRecord: () => false,
      onSuspected: () => {},
      onNews: () => {},
    },
  )
  return { membership, clock, story, improper }
}

const teller = { peerId: 'teller', host: 'teller-host' }

test('a suspect dies after its time, and is forgotten later', async () => {
  const { membership, clock, story } = world()
  membership.merge([{ record: recordOf('peer1') }], teller)
  membership.suspect(recordOf('peer1'))
  await clock.advance(59 * second)
  membership.sweep()
  await clock.advance(2 * second)
  membership.sweep()
  await clock.advance(601 * second)
  membership.sweep()
  expect(story).toEqual(['peer1 live', 'peer1 suspect', 'peer1 dead', 'peer1 forgotten'])
})

test('a suspicion of an older record is void', () => {
  const { membership, story } = world()
  membership.merge([{ record: recordOf('peer1', { version: 2 }) }], teller)
  membership.suspect(recordOf('peer1'))
  expect(story).toEqual(['peer1 live'])
})

test('a member hears what is said of it, before any news', () => {
  const { membership } = world()
  membership.merge([{ record: recordOf('peer1') }, { record: recordOf('peer2') }], teller)
  membership.onAnswer(recordOf('peer1'))
  membership.suspect(recordOf('peer1'))
  expect(membership.claimsFor('peer1')[0]).toMatchObject({ state: 'suspect' })
  const told = membership.claimsFor('peer2').map(({ record }) => record.peerId)
  expect(told).toContain('peer1')
  expect(told).not.toContain('peer2')
})

test('others are told of a member once it has answered at its address', () => {
  const { membership } = world()
  membership.merge([{ record: recordOf('peer1') }], teller)
  const told = (): string[] => membership.claimsFor('peer9').map(({ record }) => record.peerId)
  expect(told()).not.toContain('peer1')
  membership.onAnswer(recordOf('peer1', { port: 9 }))
  expect(told()).not.toContain('peer1')
  const { hash } = membership.table
  membership.onAnswer(recordOf('peer1'))
  expect(told()).toContain('peer1')
  expect(membership.table.hash).not.toBe(hash)
  // It stays known when it moves: it can then contradict who says so.
  membership.merge([{ record: recordOf('peer1', { version: 2, port: 9 }) }], teller)
  expect(told()).toContain('peer1')
  expect(membership.met).toEqual([])
})

test('an earlier run of this peer that was ahead is exceeded', () => {
  const { membership, improper } = world()
  const { generation } = membership.self.record
  membership.merge([{ record: recordOf('self', { generation: generation + 5 }) }], teller)
  expect(membership.self.record).toMatchObject({ generation: generation + 6, version: 1 })
  expect(improper).toEqual([])
})

test('what this peer did not say of itself is contradicted and reported', () => {
  const { membership, improper } = world()
  const { generation } = membership.self.record
  membership.merge([{ record: recordOf('self', { generation, version: 9 }) }], teller)
  expect(membership.self.record).toMatchObject({ generation, version: 10 })
  expect(improper).toEqual(['this peer did not say that of itself'])
})

test('a crowd of made-up members is bounded, and reported', () => {
  const { membership, improper } = world()
  for (let index = 0; index < limits.meshMembersMax; index += 1)
    membership.merge([{ record: recordOf(`crowd${index}`) }], teller)
  expect(membership.table.size).toBeLessThan(limits.meshMembersMax)
  expect(new Set(improper)).toEqual(new Set(['too many members']))
  for (let host = 0; host < 3; host += 1)
    for (let index = 0; index < limits.meshMembersMax; index += 1)
      membership.merge([{ record: recordOf(`crowd${host}-${index}`) }], { host: `host${host}` })
  expect(membership.table.size).toBe(limits.meshMembersMax)
})

test('a full table forgets for a new member one that is gone, then one that never answered', () => {
  const { membership } = world()
  for (let host = 0; host < 3; host += 1)
    for (let index = 0; index < limits.meshMembersMax; index += 1) {
      const record = recordOf(`crowd${host}-${index}`)
      membership.merge([{ record }], { host: `host${host}` })
      membership.onAnswer(record)
    }
  const introduce = (peerId: string): string | undefined => {
    membership.merge([{ record: recordOf(peerId) }], { host: 'newcomer' })
    membership.onAnswer(recordOf(peerId))
    return membership.table.get(peerId)?.state
  }
  expect(introduce('first')).toBeUndefined()
  membership.merge([{ record: recordOf('crowd0-7'), state: 'left' }], teller)
  membership.merge([{ record: recordOf('stranger') }], { host: 'newcomer' })
  expect(membership.table.get('crowd0-7')).toBeUndefined()
  expect(membership.table.get('stranger')?.state).toBe('live')
  expect(introduce('first')).toBe('live')
  expect(membership.table.get('stranger')).toBeUndefined()
  expect(introduce('second')).toBeUndefined()
})

test('a member that speaks for itself does not wait for the crowd that its host told of', () => {
  const { membership } = world()
  for (let index = 0; index < limits.meshMembersMax; index += 1)
    membership.merge([{ record: recordOf(`crowd${index}`) }], teller)
  membership.merge([{ record: recordOf('told') }], teller)
  membership.merge([{ record: recordOf('itself') }], { ...teller, peerId: 'itself' })
  expect(membership.table.get('told')).toBeUndefined()
  expect(membership.table.get('itself')?.state).toBe('live')
})
