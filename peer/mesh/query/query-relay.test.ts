import { expect, onTestFinished, test, vi } from 'vitest'
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
          return {} as never
        },
      },
      answer: async () => this.files,
      programs: {
        askPrograms: (_, __, onFiles) => {
          for (const found of this.ofPrograms) onFiles(found)
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

  take(fields: Partial<Query> = {}, host = '192.0.2.1'): void {
    const query = { queryId: queryId(1), name: 'a.txt', ttl: 3, origin, ...fields }
    this.relay.take(query, { id: 'sender', host })
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
  world.take()
  world.take()
  await vi.waitUntil(() => world.answered.length > 0)
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
  world.take({ ttl: 0 })
  await vi.waitUntil(() => world.answered.length > 0)
  expect(world.of('query')).toEqual([])
})

test('this peer does not answer itself', () => {
  const world = new World()
  world.files = [file]
  world.take({ origin: { ...origin, peerId: 'me' } })
  expect(world.sent).toEqual([])
})

test('few hits go to origins that are no members, and none to an address that is none', async () => {
  const world = new World()
  world.files = [file]
  world.members = [memberCalled('asker', 'dead')]
  world.take({ queryId: queryId(99), origin: { ...origin, host: '0.0.0.0' } })
  for (let i = 0; i < 20; i++) world.take({ queryId: queryId(i) })
  await vi.waitUntil(() => world.answered.length >= 5)
  expect(world.of('query-hit').length).toBe(5)
  expect(world.of('query-hit')[0]?.to.address).toEqual({ host: '192.0.2.7', port: 7_107 })
})

test('a host that sends queries without end is refused, and others are not', () => {
  const world = new World()
  const flood = (): void => {
    for (let i = 0; i < 1_000; i++) world.take({ queryId: queryId(0), ttl: 0 })
  }
  expect(flood).toThrow(expect.objectContaining({ code: 'BUSY' }))
  expect(world.improper[0]).toEqual([{ peerId: 'sender', host: '192.0.2.1' }, 'too many queries'])
  world.take({ queryId: queryId(1) }, '192.0.2.2')
})

test('all hosts together cannot start more than so much work', () => {
  const world = new World()
  let taken = 0
  const flood = (): void => {
    for (; taken < 1_000; taken++)
      world.take({ queryId: queryId(taken), ttl: 0 }, `192.0.2.${taken % 250}`)
  }
  expect(flood).toThrow(expect.objectContaining({ code: 'BUSY' }))
  expect(taken).toBe(64)
})

test.each([
  ['nothing', { name: undefined }],
  ['a pattern and a name', { pattern: '*' }],
])('a query that asks for %s is refused', (_, fields) => {
  const world = new World()
  const { name, ...rest } = { name: 'a.txt', ...fields }
  const query = { queryId: queryId(1), ttl: 1, origin, ...rest, ...(name && { name }) }
  expect(() => world.relay.take(query, { id: 'sender', host: '192.0.2.1' })).toThrow(
    expect.objectContaining({ code: 'BAD_REQUEST' }),
  )
})

test('what programs have that take part through this peer is told, too', async () => {
  const world = new World()
  const program = { peerId: 'program1', url: 'http://127.0.0.1:9000' }
  world.ofPrograms = [{ program, files: [file] }]
  world.take()
  await vi.waitUntil(() => world.answered.length > 0)
  expect(world.of('query-hit').map(({ body }) => body)).toEqual([
    { queryId: queryId(1), files: [file], program },
  ])
})
