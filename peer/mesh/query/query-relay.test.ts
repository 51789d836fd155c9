import { expect, onTestFinished, test } from 'vitest'
import { BackgroundWork } from '../../../common/background.ts'
import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import { seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { Member } from '../member.ts'
import type { Target } from '../member-connections.ts'
import type { ProgramFiles } from '../program/programs.ts'
import { type Query, QueryRelay } from './query-relay.ts'

const file = { name: 'a.txt', sha256: 'a'.repeat(64), size: 5 }
const origin = { peerId: 'asker', host: '192.0.2.7', port: 7_107 }

function queryId(number: number): string {
  return number.toString(16).padStart(32, '0')
}

class World {
  readonly clock = new FakeClock()
  readonly improper: unknown[] = []
  readonly sent: { to: Target; type: string; body: unknown }[] = []
  readonly answered: unknown[] = []
  files: readonly QueryFile[] = []
  ofPrograms: ProgramFiles[] = []
  /** What others reply to queries. */
  reply: object = {}
  members: Member[] = ['asker', 'sender', 'third'].map((peerId) => memberCalled(peerId))
  readonly relay: QueryRelay

  constructor() {
    const work = new BackgroundWork({ log: silentLog })
    onTestFinished(() => work[Symbol.asyncDispose]())
    this.relay = new QueryRelay({
      ownId: 'me',
      members: () => this.members,
      link: {
        request: async (to, type, body) => {
          this.sent.push({ to, type, body })
          return this.reply as never
        },
      },
      answer: async () => this.files,
      programs: {
        askPrograms: async (_, __, onFiles) => {
          for (const found of this.ofPrograms) await onFiles(found)
        },
      },
      onAnswered: (_, files) => this.answered.push(files),
      work,
      improper: { report: (...reported) => this.improper.push(reported) },
      clock: this.clock,
      random: seededRandom('relay'),
      log: silentLog,
    })
  }

  async take(fields: Partial<Query> = {}, host = '192.0.2.1'): Promise<boolean> {
    const query = { queryId: queryId(1), name: 'a.txt', ttl: 3, origin, ...fields }
    return await this.relay.take(query, { id: 'sender', host })
  }

  of(type: string): { to: Target; body: unknown }[] {
    return this.sent.filter((one) => one.type === type)
  }
}

function memberCalled(peerId: string, state: Member['state'] = 'live'): Member {
  const address = { host: '10.0.0.1', port: 7_100 }
  const versions = { generation: 1, version: 1, epoch: '0'.repeat(16), lastSeq: 0, freeBytes: 0 }
  const record = { peerId, ...address, ...versions }
  return { record, state, isMet: true, isKnown: true, forGood: false, heardMs: 0, sinceMs: 0 }
}

test('a holder answers where the mesh knows the origin, and passes the query on, once', async () => {
  const world = new World()
  world.files = [file]
  await Promise.all([world.take(), world.take()])
  expect(world.of('query-hit')).toEqual([
    {
      type: 'query-hit',
      // Not where the query says.
      to: { peerId: 'asker', address: { host: '10.0.0.1', port: 7_100 } },
      body: { queryId: queryId(1), files: [file] },
    },
  ])
  const passed = world.of('query')
  expect(passed.map(({ to }) => to.peerId)).toEqual(['third'])
  expect(passed[0]?.body).toEqual({ queryId: queryId(1), name: 'a.txt', ttl: 2, origin })
})

test('a query whose hops are used up is answered, and goes no further', async () => {
  const world = new World()
  world.files = [file]
  expect(await world.take({ ttl: 0 })).toBe(true)
  expect(world.of('query')).toEqual([])
})

test('this peer does not answer itself', async () => {
  const world = new World()
  world.files = [file]
  await world.take({ origin: { ...origin, peerId: 'me' } })
  expect(world.sent).toEqual([])
})

test('few hits go to origins that are no members, and none to an address that is none', async () => {
  const world = new World()
  world.files = [file]
  world.members = [memberCalled('asker', 'dead')]
  await world.take({ queryId: queryId(99), origin: { ...origin, host: '0.0.0.0' } })
  for (let i = 0; i < 20; i++) await world.take({ queryId: queryId(i) })
  expect(world.of('query-hit').length).toBe(5)
  expect(world.of('query-hit')[0]?.to.address).toEqual({ host: '192.0.2.7', port: 7_107 })
})

test('a host that sends queries without end is refused, and others are not', async () => {
  const world = new World()
  const flood = async (): Promise<void> => {
    for (let i = 0; i < 1_000; i++) await world.take({ queryId: queryId(0), ttl: 0 })
  }
  await expect(flood()).rejects.toThrow(expect.objectContaining({ code: 'BUSY' }))
  expect(world.improper[0]).toEqual([{ peerId: 'sender', host: '192.0.2.1' }, 'too many queries'])
  await world.take({ queryId: queryId(1) }, '192.0.2.2')
})

test('all hosts together cannot start more than so much work', async () => {
  const world = new World()
  const flood = Array.from({ length: 1_000 }, (_, i) =>
    world.take({ queryId: queryId(i), ttl: 0 }, `192.0.2.${i % 250}`),
  )
  const taken = await Promise.allSettled(flood)
  expect(taken.filter(({ status }) => status === 'fulfilled')).toHaveLength(256)
  expect(taken.at(-1)).toMatchObject({ status: 'rejected', reason: { code: 'BUSY' } })
})

test.each([
  ['all have answered', { isDone: true }, true],
  ['one has not heard from all that it asked', {}, false],
])('a query is answered when %s: done is %s', async (_, reply, isDone) => {
  const world = new World()
  world.reply = reply
  world.files = [file]
  expect(await world.take()).toBe(isDone)
  // Hits are sent before.
  expect(world.answered).toEqual([[file]])
  // Another way of the same query: who heard it first waits for the others.
  expect(await world.take()).toBe(true)
})

test('members through which programs take part are asked directly, and pass nothing on', async () => {
  const world = new World()
  const [asker, , third] = world.members
  if (asker === undefined || third === undefined) throw new Error('no members')
  const withPrograms = { ...third, record: { ...third.record, programs: true as const } }
  world.members = [asker, withPrograms, { ...withPrograms, state: 'dead' }]
  world.reply = { isDone: true }
  const query = { queryId: queryId(1), name: 'a.txt', origin }
  expect(await world.relay.askThoseWithPrograms(query)).toBe(true)
  const to = { peerId: 'third', address: { host: '10.0.0.1', port: 7_100 } }
  expect(world.of('query')).toEqual([{ type: 'query', to, body: { ...query, ttl: 0 } }])
})

test.each([
  ['nothing', { name: undefined }],
  ['a pattern and a name', { pattern: '*' }],
  ['a search and a name', { search: 'a' }],
  ['a search and a pattern', { name: undefined, search: 'a', pattern: '*' }],
])('a query that asks for %s is refused', async (_, fields) => {
  const world = new World()
  const { name, ...rest } = { name: 'a.txt', ...fields }
  const query = { queryId: queryId(1), ttl: 1, origin, ...rest, ...(name && { name }) }
  await expect(world.relay.take(query, { id: 'sender', host: '192.0.2.1' })).rejects.toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST' }),
  )
})

test('what programs have that take part through this peer is told, too', async () => {
  const world = new World()
  const program = { peerId: 'program1', url: 'http://127.0.0.1:9000' }
  world.ofPrograms = [{ program, files: [file] }]
  await world.take()
  expect(world.of('query-hit').map(({ body }) => body)).toEqual([
    { queryId: queryId(1), files: [file], program },
  ])
})
