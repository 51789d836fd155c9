import { expect, onTestFinished, test, vi } from 'vitest'
import { AppError } from '../../common/errors.ts'
import type { ProvenIdentity } from '../../common/identity/cluster-role.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Change, RequestOf } from '../../common/protocol/messages.ts'
import type { Announcement } from '../../common/protocol/registration-shapes.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { FakeIndex } from '../testing/fake-index.ts'
import type { Member, MemberState } from './member.ts'
import { Mirrors } from './mirrors.ts'

const epoch = '0'.repeat(16)
const sha256 = 'a'.repeat(64)

function put(seq: number): Change {
  return {
    op: 'put',
    kind: 'shared',
    seq,
    name: `f${seq}`,
    sha256,
    size: 1,
    chunkRoot: sha256,
    modifiedMs: 1,
  }
}

function announcement(
  previousSeq: number,
  lastSeq: number,
  fields: Partial<Announcement> = {},
): Announcement {
  const changes = Array.from({ length: lastSeq - previousSeq }, (_, i) => put(previousSeq + i + 1))
  return { epoch, previousSeq, lastSeq, changes, ...fields }
}

/** An own index, and one other member: peer1. */
class World {
  readonly clock = new FakeClock()
  readonly transport = new MemoryTransport()
  readonly index = new FakeIndex(this)
  /** What is asked of other peers. */
  readonly asked: { readonly to: string | undefined; readonly type: string; body: unknown }[] = []
  readonly registered: string[] = []
  /** Who members prove to be. */
  proven: ProvenIdentity | undefined
  answer: (type: string, body: unknown) => unknown = () => ({})
  toStore: (one: Announcement) => Announcement = (one) => one
  readonly mirrors = new Mirrors({
    ownId: 'me',
    catalog: { epoch: '9'.repeat(16), lastSeq: 5, after: ({ seq }) => announcement(seq, 5) },
    kept: { toStore: async (_, one) => this.toStore(one), onStored: async () => {} },
    index: { transport: this.transport, address: this.index.address },
    link: {
      request: async ({ peerId: to }, type, body) => {
        this.asked.push({ to, type, body })
        return this.answer(type, body) as never
      },
      ask: async ({ peerId: to }, type, body) => {
        this.asked.push({ to, type, body })
        return { reply: this.answer(type, body) as never, proven: this.proven }
      },
    },
    isBesideIndex: true,
    onRegistered: (peerId) => this.registered.push(peerId),
    clock: this.clock,
    random: seededRandom('mirrors'),
    log: silentLog,
  })
  #version = 0

  static async start(): Promise<World> {
    const world = new World()
    await world.index.start()
    onTestFinished(async () => {
      await world.mirrors[Symbol.asyncDispose]()
      await world.index[Symbol.asyncDispose]()
    })
    return world
  }

  say(
    fields: Partial<MemberRecord> = {},
    state: MemberState = 'live',
    { forGood = false, isMet = true } = {},
  ): void {
    const record = {
      peerId: 'peer1',
      generation: 1,
      version: ++this.#version,
      host: '127.0.0.1',
      port: 7_101,
      epoch,
      lastSeq: 3,
      freeBytes: 1_000,
      ...fields,
    }
    const member: Member = { record, state, forGood, isMet, isKnown: isMet, heardMs: 0, sinceMs: 0 }
    this.mirrors.onMember(member)
  }

  async apply(one: Announcement): Promise<void> {
    await this.mirrors.apply({ peerId: 'peer1' }, one)
  }
}

const { signal } = new AbortController()

/** Resolves when members were registered so many times. */
async function registered(world: World, count: number): Promise<void> {
  await vi.waitUntil(() => world.registered.length === count)
}

test('a live member is registered with its record, and its changes are announced once', async () => {
  const world = await World.start()
  const { mirrors, index } = world
  expect(mirrors.seenSeq('peer1', epoch)).toBe(Number.MAX_SAFE_INTEGER)
  world.say({ zone: 'z' })
  await registered(world, 1)
  expect(index.hellos).toMatchObject([
    { peerId: 'peer1', registration: { epoch, port: 7_101, zone: 'z', hasAnnounced: true } },
  ])
  expect(mirrors.seenSeq('peer1', epoch)).toBe(0)
  await world.apply(announcement(0, 2, { begin: true }))
  expect(mirrors.isInventory('peer1', epoch)).toBe(true)
  await world.apply(announcement(2, 3, { end: true }))
  expect(mirrors.isInventory('peer1', epoch)).toBe(false)
  await world.apply(announcement(3, 4))
  // Another member has sent the same.
  await world.apply(announcement(3, 4))
  expect(index.announcements).toHaveLength(3)
  expect(mirrors.seenSeq('peer1', epoch)).toBe(4)
  expect(index.copies()).toHaveLength(4)
  await expect(world.apply(announcement(9, 10))).rejects.toMatchObject({ code: 'SEQUENCE_GAP' })
  const other = '1'.repeat(16)
  await expect(world.apply({ ...announcement(4, 5), epoch: other })).rejects.toMatchObject({
    code: 'NOT_REGISTERED',
  })
})

test('a catalog is whole once its inventory has ended, although it is empty', async () => {
  const world = await World.start()
  const { mirrors, index } = world
  world.say({ lastSeq: 0 })
  await registered(world, 1)
  expect(mirrors.isWhole('peer1', epoch)).toBe(false)
  await world.apply(announcement(0, 0, { begin: true }))
  expect(mirrors.isWhole('peer1', epoch)).toBe(false)
  await world.apply(announcement(0, 0, { end: true }))
  expect(mirrors.isWhole('peer1', epoch)).toBe(true)
  expect(index.announcements).toHaveLength(2)
})

test('changes that overlap with those of another member are announced from where they are new', async () => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  await world.apply(announcement(0, 3, { begin: true, end: true }))
  await world.apply(announcement(1, 5))
  expect(world.index.announcements.at(-1)).toEqual(announcement(3, 5))
  expect(world.mirrors.seenSeq('peer1', epoch)).toBe(5)
})

test('other members get changes, but no part of an inventory that this peer has got', async () => {
  const world = await World.start()
  const { mirrors } = world
  world.say()
  await registered(world, 1)
  await world.apply(announcement(0, 1, { begin: true }))
  await world.apply(announcement(1, 2))
  await world.apply(announcement(2, 3, { end: true }))
  await world.apply(announcement(3, 4))
  for (const seq of [0, 1, 2])
    expect(mirrors.announcementAfter('peer1', epoch, seq), `${seq}`).toBeUndefined()
  expect(mirrors.announcementAfter('peer1', epoch, 3)).toEqual(announcement(3, 4))
  const own = '9'.repeat(16)
  expect(mirrors.seenSeq('me', own)).toBe(5)
  expect(mirrors.announcementAfter('me', own, 4)).toEqual(announcement(4, 5))
  expect(mirrors.announcementAfter('me', epoch, 4)).toBeUndefined()
})

test('a member counts when it has answered at its address, and stays there until it answers elsewhere', async () => {
  const world = await World.start()
  const { mirrors, index, clock } = world
  world.say({}, 'live', { isMet: false })
  world.say({}, 'suspect', { isMet: false })
  world.say({}, 'live', { isMet: false })
  await clock.advance(60_000)
  expect(index.hellos).toEqual([])
  expect(mirrors.targetOf('peer1')).toBeUndefined()
  world.say()
  await registered(world, 1)
  world.say({ port: 9 }, 'live', { isMet: false })
  await clock.advance(60_000)
  expect(index.hellos).toHaveLength(1)
  expect(mirrors.targetOf('peer1')).toMatchObject({ address: { port: 7_101 } })
  world.say({ port: 9 })
  await registered(world, 2)
  expect(mirrors.targetOf('peer1')).toMatchObject({ address: { port: 9 } })
})

test('a suspect member is silent; a live one sends heartbeats, and news immediately', async () => {
  const world = await World.start()
  const { index, clock } = world
  world.say()
  await registered(world, 1)
  world.say({ freeBytes: 500 })
  await expect.poll(() => index.heartbeats).toBe(1)
  await clock.advance(index.heartbeatMs)
  await expect.poll(() => index.heartbeats).toBe(2)
  world.say({}, 'suspect')
  await clock.advance(10_000)
  expect([index.heartbeats, index.leaves, index.hellos.length]).toEqual([2, 0, 1])
  await expect(world.apply(announcement(0, 1))).rejects.toMatchObject({ code: 'NOT_REGISTERED' })
  world.say()
  await registered(world, 2)
})

test.each([false, true])('the own index hears that a member left (for good: %s)', async (good) => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  world.say({}, 'left', { forGood: good })
  await expect.poll(() => world.index.leaves).toBe(1)
  expect(world.index.isLeftForGood).toBe(good)
  await world.clock.advance(60_000)
  expect(world.registered).toHaveLength(1)
})

test.each([
  ['epoch', { epoch: '1'.repeat(16) }],
  ['port', { port: 7_102 }],
  ['zone', { zone: 'other' }],
  ['HTTP server', { http: { port: 80 } }],
])('a member with another %s is registered again', async (_, fields) => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  world.say(fields)
  await registered(world, 2)
  expect(world.index.hellos.at(-1)?.registration).toMatchObject(fields)
})

test('a member that is refused is tried again later', async () => {
  const world = await World.start()
  const { index, clock } = world
  index.refusal = new AppError('BUSY')
  world.say()
  await expect.poll(() => index.hellos.length).toBe(1)
  index.refusal = undefined
  await expect
    .poll(async () => {
      await clock.advance(500)
      return world.registered
    })
    .toEqual(['peer1'])
})

test('requests of the own index are passed on to the member itself', async () => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  await world.index.handOut([
    { kind: 'drop', taskId: '1'.repeat(16), owner: 'o', name: 'n', sha256 },
  ])
  expect(world.asked).toMatchObject([{ to: 'peer1', type: 'tasks' }])
})

test('what a report relies on is fetched from the member first', async () => {
  const world = await World.start()
  const { mirrors, index, asked } = world
  world.say()
  await registered(world, 1)
  world.answer = (_, body) => {
    const { after, isInventory } = body as RequestOf<'mesh-changes'>
    const part = isInventory === true ? { end: true as const } : { begin: true as const }
    return { announcement: announcement(after, after + 2, part) }
  }
  await mirrors.catchUp('peer1', 4, signal)
  expect(mirrors.seenSeq('peer1', epoch)).toBe(4)
  expect(index.announcements).toHaveLength(2)
  expect(asked.map(({ body }) => body)).toEqual([
    { peerId: 'peer1', epoch, after: 0 },
    { peerId: 'peer1', epoch, after: 2, isInventory: true },
  ])
  await mirrors.catchUp('peer1', 4, signal)
  expect(asked).toHaveLength(2)
  // One that sends what is known is not asked for ever.
  world.answer = () => ({ announcement: announcement(2, 4) })
  await mirrors.catchUp('peer1', 9, signal)
  expect(asked).toHaveLength(3)
  await expect(mirrors.catchUp('peer2', 1, signal)).rejects.toMatchObject({
    code: 'NOT_REGISTERED',
  })
})

test('nothing is kept of a forgotten member, which may return', async () => {
  const world = await World.start()
  const { mirrors } = world
  world.say()
  await registered(world, 1)
  world.say({}, 'left')
  mirrors.onForgotten('peer1')
  expect(mirrors.targetOf('peer1')).toBeUndefined()
  await expect(mirrors.apply({ peerId: 'peer1' }, announcement(0, 3))).rejects.toMatchObject({
    code: 'NOT_REGISTERED',
  })
  world.say()
  await registered(world, 2)
  expect(mirrors.targetOf('peer1')).toMatchObject({ peerId: 'peer1' })
})

test('what is left out of an announcement is not stored, and passed on all the same', async () => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  world.toStore = (one) => ({ ...one, changes: [] })
  await world.apply(announcement(0, 2, { begin: true, end: true }))
  await world.apply(announcement(2, 3))
  expect(world.index.announcements.map(({ changes }) => changes)).toEqual([[], []])
  expect(world.mirrors.announcementAfter('peer1', epoch, 2)).toEqual(announcement(2, 3))
})

test('a catalog is read again from the beginning, but not while it is being read', async () => {
  const world = await World.start()
  const { mirrors } = world
  world.say()
  await registered(world, 1)
  await world.apply(announcement(0, 2, { begin: true }))
  mirrors.readAgain('peer1')
  expect(mirrors.seenSeq('peer1', epoch)).toBe(2)
  await world.apply(announcement(2, 3, { end: true }))
  mirrors.readAgain('peer1')
  expect(mirrors.seenSeq('peer1', epoch)).toBe(0)
  await world.apply(announcement(0, 3, { begin: true, end: true }))
  expect(mirrors.seenSeq('peer1', epoch)).toBe(3)
})

test('copies that a member tells are stored apart from its changes, those that were not asked for are not', async () => {
  const world = await World.start()
  const { mirrors } = world
  world.say()
  await registered(world, 1)
  await world.apply(announcement(0, 3, { begin: true, end: true }))
  const asked = 'b'.repeat(64)
  const content = { sha256: asked, chunkRoot: asked }
  const copy = { ...put(2), ...content } as Change
  world.answer = () => ({ epoch, lastSeq: 3, copies: [put(1), copy, { ...put(3), op: 'drop' }] })
  expect(await mirrors.learnCopies('peer1', [asked], signal)).toBe(1)
  expect(world.asked).toEqual([{ to: 'peer1', type: 'mesh-copies', body: { sha256s: [asked] } }])
  expect(world.index.announcements.at(-1)).toMatchObject({
    previousSeq: 3,
    lastSeq: 3,
    changes: [copy],
  })
  expect(mirrors.seenSeq('peer1', epoch)).toBe(3)
  world.answer = () => ({ epoch: '5'.repeat(16), lastSeq: 3, copies: [copy] })
  await expect(mirrors.learnCopies('peer1', [asked], signal)).rejects.toMatchObject({
    code: 'NOT_REGISTERED',
  })
  await expect(mirrors.learnCopies('peer9', [asked], signal)).rejects.toMatchObject({
    code: 'PEER_UNKNOWN',
  })
})

test('copies that a member had before its newest changes are asked for again', async () => {
  const world = await World.start()
  const { mirrors } = world
  world.say()
  await registered(world, 1)
  await world.apply(announcement(0, 3, { begin: true, end: true }))
  const lastSeqs = [2, 3]
  world.answer = () => ({ epoch, lastSeq: lastSeqs.shift(), copies: [put(1)] })
  expect(await mirrors.learnCopies('peer1', [sha256], signal)).toBe(1)
  expect([world.asked.length, world.index.announcements.length]).toEqual([2, 2])
  world.answer = () => ({ epoch, lastSeq: 2, copies: [put(1)] })
  const asking = mirrors.learnCopies('peer1', [sha256], signal)
  await expect(asking).rejects.toMatchObject({ code: 'BUSY' })
  expect([world.asked.length, world.index.announcements.length]).toEqual([5, 2])
})

test('beside an index, a member that is no admin is believed only its decisions about itself', async () => {
  const world = await World.start()
  world.say()
  await registered(world, 1)
  const keys = ['peer2', 'peer3', 'peer1', 'peer4']
  const records = keys.map((key, place) => ({
    kind: 'drain',
    key,
    value: 'true',
    changedMs: 1,
    revision: place + 1,
  }))
  world.answer = (_, body) => {
    const { after, limit } = body as RequestOf<'read-intent'>
    return { records: records.slice(after, after + limit) }
  }
  const read = async (after: number): Promise<string[]> => {
    const page = await world.index.readIntent({ after, limit: 2 })
    return page.records.map(({ key }) => key)
  }
  expect(await read(0)).toEqual(['peer2', 'peer3'])
  world.proven = { role: 'admin', id: 'peer1', generation: 1, isAuthority: false }
  expect(await read(0)).toEqual(['peer2', 'peer3'])
  world.proven = { ...world.proven, role: 'peer' }
  // A page without any is no end.
  expect(await read(0)).toEqual(['peer1'])
  expect(await read(3)).toEqual([])
})
