import { expect, onTestFinished, test } from 'vitest'
import { BackgroundWork } from '../../../common/background.ts'
import { AppError } from '../../../common/errors.ts'
import { seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { ProgramFiles } from '../program/programs.ts'
import { type OpenQuery, queryMs } from './open-query.ts'
import { QueryAsker } from './query-asker.ts'
import type { Query } from './query-relay.ts'

const sha256 = 'a'.repeat(64)
const file = { name: 'a.txt', sha256, size: 5 }
const { signal } = new AbortController()

const self = {
  peerId: 'me',
  generation: 1,
  version: 1,
  host: '10.0.0.1',
  port: 7_100,
  epoch: '0'.repeat(16),
  lastSeq: 0,
  freeBytes: 0,
}

class World {
  readonly clock = new FakeClock()
  readonly passed: Query[] = []
  readonly askedForPrograms: unknown[] = []
  /** Whether all who are asked answer. */
  areDone = false
  readonly learned: [string, readonly string[]][] = []
  readonly ended: OpenQuery[] = []
  /** What programs here are asked, and have. */
  readonly toPrograms: unknown[] = []
  ofPrograms: ProgramFiles[] = []
  learning: Promise<void> | undefined
  /** Copies that a member tells. */
  copies = 1
  readonly asker: QueryAsker

  constructor() {
    const work = new BackgroundWork({ log: silentLog })
    onTestFinished(() => work[Symbol.asyncDispose]())
    const record = { ...self, peerId: 'holder', host: '10.0.0.2' }
    const member = { record, state: 'live', isMet: true, isKnown: true, forGood: false } as const
    this.asker = new QueryAsker({
      self: () => self,
      members: () => [{ ...member, heardMs: 0, sinceMs: 0 }],
      relay: {
        pass: async (query) => this.passed.push(query) > 0 && this.areDone,
        askThoseWithPrograms: async (query) => this.askedForPrograms.push(query) > 0,
      },
      programs: {
        askPrograms: async (_, what, onFiles) => {
          this.toPrograms.push(what)
          for (const found of this.ofPrograms) await onFiles(found)
        },
      },
      learnCopies: async (peerId, sha256s) => {
        this.learned.push([peerId, sha256s])
        await this.learning
        if (this.copies < 0) throw new AppError('DIAL_FAILED', { address: '', reason: '' })
        return this.copies
      },
      onEnded: (query) => this.ended.push(query),
      work,
      clock: this.clock,
      random: seededRandom('asker'),
      log: silentLog,
    })
  }

  async hit({ queryId }: OpenQuery, files = [file], id = 'holder'): Promise<void> {
    this.asker.onHit({ queryId, files }, { id })
    await this.clock.advance(0)
  }
}

test('a query is passed on with the address for hits, and takes them until its time is over', async () => {
  const world = new World()
  const query = world.asker.ask({ name: 'a.txt' })
  expect(world.passed).toEqual([
    {
      queryId: query.queryId,
      name: 'a.txt',
      ttl: 7,
      origin: { peerId: 'me', host: '10.0.0.1', port: 7_100 },
    },
  ])
  const waiting = query.more(0, 60_000, signal)
  await world.hit(query)
  await waiting
  const hit = { ...file, peerId: 'holder', host: '10.0.0.2', port: 7_100 }
  expect(query.hits).toEqual([hit])
  // Twice the same.
  await world.hit(query)
  await world.clock.advance(queryMs)
  expect(query.isOver).toBe(true)
  expect(world.ended).toEqual([query])
  await world.hit(query, [{ ...file, sha256: 'b'.repeat(64) }])
  expect(query.hits).toEqual([hit])
})

test('a hit counts once its sender has told its copies', async () => {
  const world = new World()
  const query = world.asker.ask({ name: 'a.txt' })
  world.copies = 0
  await world.hit(query)
  world.copies = -1
  await world.hit(query)
  expect(query.hits).toEqual([])
  expect(world.learned).toEqual([
    ['holder', [sha256]],
    ['holder', [sha256]],
  ])
})

test.each([
  ['from a peer that is no member', 'stranger', file],
  ['of a file that was not asked for', 'holder', { ...file, name: 'b.txt' }],
])('a hit %s costs nothing', async (_, from, told) => {
  const world = new World()
  await world.hit(world.asker.ask({ name: 'a.txt' }), [told], from)
  expect(world.learned).toEqual([])
})

test('a query is over when all who were asked have answered, and their hits are checked', async () => {
  const world = new World()
  world.areDone = true
  const nothing = world.asker.ask({ name: 'b.txt' })
  const query = world.asker.ask({ name: 'a.txt' })
  const checking = Promise.withResolvers<void>()
  world.learning = checking.promise
  world.asker.onHit({ queryId: query.queryId, files: [file] }, { id: 'holder' })
  await world.clock.advance(0)
  expect([nothing.isOver, query.isOver]).toEqual([true, false])
  checking.resolve()
  await world.clock.advance(0)
  expect(query.isOver).toBe(true)
  expect(query.hits).toHaveLength(1)
})

test('who asks for what programs have does not join a query of all members', async () => {
  const world = new World()
  const query = world.asker.ask({ name: 'a.txt' })
  const ofPrograms = world.asker.ask({ name: 'a.txt' }, { ofPrograms: true })
  expect(ofPrograms).not.toBe(query)
  expect([world.passed.length, world.askedForPrograms.length]).toEqual([1, 1])
})

test('a search is of names that contain it, whatever their case', async () => {
  const world = new World()
  const query = world.asker.ask({ search: 'LAKE' })
  expect(world.passed[0]).toMatchObject({ search: 'LAKE', ttl: 7 })
  await world.hit(query, [
    { ...file, name: 'photos/lake.jpg' },
    { ...file, name: 'photos/sea.jpg' },
  ])
  expect(query.hits.map(({ name }) => name)).toEqual(['photos/lake.jpg'])
  expect(world.asker.ask({ search: 'sea' })).not.toBe(query)
})

test('who asks the same joins the query; what no member has is not asked for again for a while', async () => {
  const world = new World()
  const query = world.asker.ask({ name: 'a.txt' })
  expect(world.asker.ask({ name: 'a.txt' })).toBe(query)
  expect(world.asker.ask({ name: 'a.txt', sha256 })).not.toBe(query)
  await world.clock.advance(queryMs)
  expect(world.asker.ask({ name: 'a.txt' })).toBe(query)
  await world.clock.advance(5_000)
  expect(world.asker.ask({ name: 'a.txt' })).not.toBe(query)
  expect(() => world.asker.find(query.queryId)).toThrow(
    expect.objectContaining({ code: 'QUERY_NOT_FOUND' }),
  )
})

test('this peer does not ask without end', () => {
  const world = new World()
  let asked = 0
  const ask = (): void => {
    for (; asked < 1_000; asked++) world.asker.ask({ name: `f${asked}` })
  }
  expect(ask).toThrow(expect.objectContaining({ code: 'BUSY' }))
  expect(asked).toBe(50)
})

test('waiting for hits ends with the wait, and with the signal', async () => {
  const world = new World()
  const query = world.asker.ask({ pattern: '*.txt' })
  const waiting = query.more(0, 1_000, signal)
  await world.clock.advance(1_000)
  await waiting
  await expect(query.more(0, 1_000, AbortSignal.abort(new Error('enough')))).rejects.toThrow(
    'enough',
  )
})

test('files of programs count as they are told: bytes are checked when they are read', async () => {
  const world = new World()
  world.ofPrograms = [{ program: { peerId: 'here', url: 'http://127.0.0.1:9000' }, files: [file] }]
  const query = world.asker.ask({ name: 'a.txt' })
  expect(world.toPrograms).toEqual([{ name: 'a.txt' }])
  const program = { peerId: 'there', url: 'http://192.0.2.9' }
  const { queryId } = query
  world.asker.onHit({ queryId, files: [file], program }, { id: 'stranger' })
  world.asker.onHit({ queryId, files: [file], program }, { id: 'holder' })
  const sixth = { peerId: 'sixth', url: 'http://[2001:db8::1]:9001' }
  world.asker.onHit({ queryId, files: [file], program: sixth }, { id: 'holder' })
  expect(query.hits).toEqual([
    { ...file, peerId: 'here', host: '127.0.0.1', port: 9_000, url: 'http://127.0.0.1:9000' },
    { ...file, peerId: 'there', host: '192.0.2.9', port: 80, url: 'http://192.0.2.9' },
    { ...file, peerId: 'sixth', host: '2001:db8::1', port: 9_001, url: sixth.url },
  ])
  expect(world.learned).toEqual([])
})

test.each(['../../api/settings', 'a/../../b', '/etc/passwd', 'a\u001b[2J', ''])(
  'a hit with the name %j, which no file can have, is ignored',
  async (name) => {
    const world = new World()
    const query = world.asker.ask({ sha256 })
    await world.hit(query, [{ ...file, name }])
    const program = { peerId: 'p', url: 'http://10.0.0.2:9000' }
    const { queryId } = query
    world.asker.onHit({ queryId, files: [{ ...file, name }], program }, { id: 'holder' })
    expect([query.hits, world.learned]).toEqual([[], []])
  },
)

test.each(['http://[x', 'http://a b', 'http://host:99999'])(
  'a hit of a program at %s, which is no address, is ignored',
  async (url) => {
    const world = new World()
    const query = world.asker.ask({ sha256 })
    const hit = { queryId: query.queryId, files: [file], program: { peerId: 'p', url } }
    world.asker.onHit(hit, { id: 'holder' })
    expect(query.hits).toEqual([])
  },
)

test('the source of a program has the port of its protocol if it says none', async () => {
  const world = new World()
  const query = world.asker.ask({ sha256 })
  for (const url of ['http://a.test', 'https://b.test'])
    world.asker.onHit(
      { queryId: query.queryId, files: [file], program: { peerId: url.slice(-6), url } },
      { id: 'holder' },
    )
  expect(query.hits.map(({ host, port }) => [host, port])).toEqual([
    ['a.test', 80],
    ['b.test', 443],
  ])
})
