import { expect, onTestFinished, test, vi } from 'vitest'
import { BackgroundWork } from '../../../common/background.ts'
import { AppError } from '../../../common/errors.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { Member } from '../member.ts'
import { OpenQuery, type QueryHit } from '../query/open-query.ts'
import { SeenQueries } from '../query/seen-queries.ts'
import { ProgramDesk, programUrl } from './program-desk.ts'
import { Programs } from './programs.ts'

const sha256 = 'a'.repeat(64)
const file = { name: 'a.txt', sha256, size: 5 }
const url = 'http://127.0.0.1:9000'
const { signal } = new AbortController()
const failing = (code: string): unknown => expect.objectContaining({ code })

function record(peerId: string, http: Member['record']['http']): Member['record'] {
  const versions = { generation: 1, version: 1, epoch: '0'.repeat(16), lastSeq: 0, freeBytes: 0 }
  return { peerId, host: '10.0.0.1', port: 7_100, ...versions, ...(http && { http }) }
}

class World {
  readonly clock = new FakeClock()
  readonly posted: { url: string; path: string; body: unknown }[] = []
  readonly query = new OpenQuery({ queryId: 'f'.repeat(32), what: {} }, this)
  known: QueryHit[] = []
  joined = 0
  refuses = false
  readonly desk: ProgramDesk

  constructor() {
    const work = new BackgroundWork({ log: silentLog })
    onTestFinished(async () => {
      this.query.end()
      await work[Symbol.asyncDispose]()
    })
    const live = {
      state: 'live',
      isMet: true,
      isKnown: true,
      forGood: false,
      heardMs: 0,
      sinceMs: 0,
    } as const
    const others = [
      record('open', { port: 8_101 }),
      record('local', { host: '127.0.0.1', port: 8_102 }),
      record('guarded', { port: 8_103, needsToken: true }),
      record('mute', undefined),
    ]
    this.desk = new ProgramDesk({
      isSecured: false,
      programs: new Programs(this),
      link: {
        post: async (program, path, body) => {
          this.posted.push({ url: program.url, path, body })
          if (this.refuses) throw new AppError('BAD_REPLY', { reason: 'HTTP 404' })
        },
      },
      self: () => record('me', { port: 8_100 }),
      members: () => others.map((one) => ({ record: one, ...live })),
      asker: () => ({ ask: () => this.query }),
      known: async () => this.known,
      seen: new SeenQueries(this),
      work,
      clock: this.clock,
      onJoined: () => (this.joined += 1),
      log: silentLog,
    })
  }

  hit(peerId: string, more: Partial<QueryHit> = {}): QueryHit {
    return { ...file, peerId, host: '10.0.0.1', port: 7_100, ...more }
  }
}

const asking = { queryId: '1'.repeat(32), name: 'a.txt', ttl: 7, origin: url }

test('a program that joins is told of peers that it can reach', () => {
  const { desk } = new World()
  const members = desk.join({ peerId: 'p1', url: `${url}/`, answers: false })
  expect(members).toEqual([
    { peerId: 'open', url: 'http://10.0.0.1:8101' },
    { peerId: 'local', url: 'http://127.0.0.1:8102' },
  ])
  const outside = { peerId: 'p2', url: 'http://192.0.2.9:9000', answers: false }
  expect(desk.join(outside)).toEqual([{ peerId: 'open', url: 'http://10.0.0.1:8101' }])
  expect(desk.count).toBe(2)
})

test.each([
  'ftp://192.0.2.9',
  'http://192.0.2.9/path',
  'https://192.0.2.9/#x',
  'http://user@192.0.2.9',
  'http://192.0.2.9/?x',
  'http://0.0.0.0:80',
  'nonsense',
])('%s is no address of a program', (text) => {
  expect(() => programUrl(text, { isSecured: false })).toThrow(failing('BAD_REQUEST'))
})

test('names leave the machine of a secured cluster only over TLS', () => {
  const isSecured = true
  expect(() => programUrl('http://192.0.2.9:9000', { isSecured })).toThrow('must be https://')
  for (const text of ['https://192.0.2.9:9000', 'http://127.0.0.1:9000', 'http://[::1]:9000'])
    expect(programUrl(text, { isSecured })).toBe(text)
})

test.each(['me', 'open'])('a program cannot be called like the peer %s', (peerId) => {
  const { desk } = new World()
  expect(() => desk.join({ peerId, url, answers: false })).toThrow(failing('PEER_ID_TAKEN'))
})

test('a program that asks is answered with what is known, and told of hits as they arrive', async () => {
  const world = new World()
  const { desk, query } = world
  desk.join({ peerId: 'p1', url, answers: false })
  world.known = [world.hit('me'), world.hit('guarded'), world.hit('open')]
  expect(await desk.ask(asking, signal)).toEqual([
    { peerId: 'me', url: 'http://10.0.0.1:8100', files: [file] },
    // It is read through this peer.
    { peerId: 'guarded', url: 'http://10.0.0.1:8100', files: [file] },
    { peerId: 'open', url: 'http://10.0.0.1:8101', files: [file] },
  ])
  query.add([world.hit('p1'), world.hit('p2', { url: 'http://192.0.2.9:9000' })])
  await vi.waitUntil(() => world.posted.length > 0)
  const body = { peerId: 'p2', url: 'http://192.0.2.9:9000', files: [file] }
  expect(world.posted).toEqual([
    { url, path: '/api/mesh/query-hit', body: { queryId: asking.queryId, ...body } },
  ])
  // Twice the same.
  expect(await desk.ask(asking, signal)).toEqual([])
})

test('a program that has not joined cannot have others send to an address', async () => {
  const { desk } = new World()
  await expect(desk.ask(asking, signal)).rejects.toThrow(failing('PROGRAM_UNKNOWN'))
})

test('programs are asked, and answer with what was asked for, a bounded number of times', async () => {
  const world = new World()
  const { desk } = world
  const found: unknown[] = []
  desk.join({ peerId: 'p1', url, answers: true })
  desk.join({ peerId: 'p2', url: 'http://127.0.0.1:9001', answers: false })
  desk.heard('p2', { files: [file] })
  const { queryId } = asking
  let hasAnswered = false
  const asked = desk.askPrograms(queryId, { name: 'a.txt' }, async ({ program, files }) => {
    found.push([program.peerId, files])
  })
  const answered = asked.then(() => (hasAnswered = true))
  expect(found).toEqual([['p2', [file]]])
  await vi.waitUntil(() => world.posted.length > 0)
  const origin = 'http://10.0.0.1:8100'
  expect(world.posted).toEqual([
    { url, path: '/api/mesh/query', body: { queryId, name: 'a.txt', ttl: 0, origin } },
  ])
  expect(hasAnswered).toBe(false)
  desk.onHit(queryId, { peerId: 'p1', files: [{ ...file, name: 'b.txt' }, file] })
  await answered
  expect(found).toEqual([
    ['p2', [file]],
    ['p1', [file]],
  ])
  expect(() => desk.onHit(queryId, { peerId: 'p9', files: [file] })).toThrow(
    failing('PROGRAM_UNKNOWN'),
  )
  desk.onHit('2'.repeat(32), { peerId: 'p1', files: [file] })
  for (let i = 0; i < 200; i++) desk.onHit(queryId, { peerId: 'p1', files: [file] })
  expect(found).toHaveLength(129)
})

test.each([
  ['refuses the query: it has no such file', true],
  ['is silent for a second', false],
])('a program that %s is not waited for', async (_, refuses) => {
  const world = new World()
  const { desk, clock } = world
  world.refuses = refuses
  desk.join({ peerId: 'p1', url, answers: true })
  expect(world.joined).toBe(1)
  let hasAnswered = false
  const asked = desk.askPrograms(asking.queryId, { name: 'a.txt' }, () => expect.fail('no hit'))
  const answered = asked.then(() => (hasAnswered = true))
  await clock.advance(999)
  expect(hasAnswered).toBe(refuses)
  await clock.advance(1)
  await answered
})
