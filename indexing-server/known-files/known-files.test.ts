import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError, hasCode } from '../../common/errors.ts'
import { replyFrame, requestFrame } from '../../common/protocol/envelope.ts'
import type { PeerState } from '../../common/protocol/messages.ts'
import { systemRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { Fetching } from '../fetching.ts'
import { lookup } from '../lookup.ts'
import type { RankedPeer } from '../rank.ts'
import type { Session } from '../registry.ts'
import type { IndexStore, NamedContent } from '../store/store.ts'
import { hashOf } from '../store/store-fixture-contract.ts'
import { names, peers, StoreWorld, someStep } from '../testing/store-history.ts'
import { KnownFiles } from './known-files.ts'
import { LookupMemory } from './lookup-memory.ts'
import { LookupShortcut } from './lookup-shortcut.ts'
import { SourceTexts } from './source-texts.ts'

const headerBytes = 4
const session = { peerId: undefined } as Session

function aPeer(more: Partial<RankedPeer> = {}): RankedPeer {
  const place = { host: '192.0.2.1', port: 7_100, state: 'live' } as const
  return { ...place, isLost: false, isAccused: false, isDraining: false, ...more }
}

const somePeer = fc.record({
  state: fc.constantFrom<PeerState>('live', 'live', 'suspect', 'unreachable', 'dead'),
  isAccused: fc.boolean(),
  zone: fc.constantFrom(undefined, 'a "zone"', 'ü'),
  http: fc.constantFrom(
    undefined,
    { host: 'h', port: 1 },
    { host: 'h', port: 1, needsToken: true },
  ),
})

/** The reply frame of the shortcut; undefined if it leaves the request to the handler. */
function shortReply(
  memory: LookupMemory,
  body: Buffer,
  {
    mayTake = true,
    fetching = new Fetching(),
    load = () => false,
  }: { mayTake?: boolean; fetching?: Fetching; load?: (name: string) => boolean } = {},
): Buffer | undefined {
  const hooks = { clock: new FakeClock(), fetching, load, isOpen: () => true, onAnswered: () => {} }
  const shortcut = new LookupShortcut(memory, hooks)
  // Between other bytes, as in a connection.
  const bytes = Buffer.concat([Buffer.from('before'), body, Buffer.from('after')])
  const replies = { bytes: Buffer.alloc(65_536), at: 100 }
  const request = { bytes, start: 6, end: 6 + body.length }
  const end = shortcut.answer(request, replies, () => mayTake)
  return end === replies.at ? undefined : replies.bytes.subarray(replies.at, end)
}

function requestOf(name: string): Buffer {
  return requestFrame(17, 'lookup', { name }).subarray(headerBytes)
}

/** What the handler replies; `undefined` if there is no such name. */
async function handlerReply(
  name: string,
  lookups: LookupMemory,
  { store, peerOf }: { store: IndexStore; peerOf: (peerId: string) => RankedPeer | undefined },
): Promise<Buffer | undefined> {
  const trash = { absence: async () => new AppError('NAME_NOT_FOUND', { name }) }
  const fetching = new Fetching()
  try {
    const dependencies = { store, peerOf, fetching, lookups, trash }
    return replyFrame(17, await lookup({ name }, session, dependencies))
  } catch (error) {
    if (hasCode(error, 'NAME_NOT_FOUND')) return undefined
    throw error
  }
}

test('after any history a known file is answered as the store would', async () => {
  const step = fc.record({
    step: someStep,
    peer: fc.constantFrom(...peers),
    change: fc.option(somePeer),
    fills: fc.boolean(),
    loads: fc.boolean(),
  })
  let answered = 0
  const histories = fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
    const known = new Map<string, RankedPeer>(peers.map((peerId) => [peerId, aPeer()]))
    const peerOf = (peerId: string): RankedPeer | undefined => known.get(peerId)
    const aMemory = (): LookupMemory =>
      new LookupMemory({ filesBytesMax: 2 ** 20 }, { peerOf, random: systemRandom })
    const memory = aMemory()
    await using world = await StoreWorld.create((touched) => memory.forget(touched))
    for (const { step: one, peer, change, fills, loads } of steps) {
      await world.run(one)
      if (change !== null) {
        known.set(peer, aPeer(change))
        memory.forgetAll()
      }
      if (fills) await fill(memory.files, world.store)
      for (const name of names) {
        const own = { store: world.store, peerOf }
        const load = (unknown: string): boolean => loads && memory.load(unknown, world.store)
        const short = shortReply(memory, requestOf(name), { load })
        const expected = await handlerReply(name, aMemory(), own)
        answered += Number(short !== undefined)
        expect((short ?? expected)?.toString()).toBe(expected?.toString())
        await handlerReply(name, memory, own)
      }
    }
  })
  await fc.assert(histories, { numRuns: 60 })
  expect(answered).toBeGreaterThan(100)
}, 60_000)

test('a file that is back from the trash has the time that its keeper announces again', async () => {
  const known = (): RankedPeer => aPeer()
  const memory = new LookupMemory(
    { filesBytesMax: 2 ** 20 },
    { peerOf: known, random: systemRandom },
  )
  await using world = await StoreWorld.create((touched) => memory.forget(touched))
  const replica = { op: 'put', kind: 'replicated', name: 'x', other: 'x', owner: 'a' } as const
  const rest = { text: 'one', isVersion: false, isDamaged: false } as const
  const keeps = async (modifiedMs: number): Promise<void> =>
    world.run({ ...step, peerId: 'b', changes: [{ ...replica, ...rest, modifiedMs }] })
  const step = { do: 'announce', name: 'x', passMs: 0, decision: 'kept' } as const
  const decided = async (decision: 'kept' | 'back'): Promise<void> =>
    world.run({ ...step, do: 'decided', peerId: 'a', changes: [], decision })
  const own = { store: world.store, peerOf: known }
  await keeps(10)
  await decided('kept')
  await keeps(20)
  await decided('back')
  await handlerReply('x', memory, own)
  expect(shortReply(memory, requestOf('x'))).toBeDefined()
  await keeps(20)
  const short = shortReply(memory, requestOf('x'))
  const expected = await handlerReply('x', aMemory(), own)
  expect((short ?? expected)?.toString()).toBe(expected?.toString())
})

async function fill(files: KnownFiles, store: IndexStore): Promise<void> {
  for (let after: string | undefined = ''; after !== undefined; ) {
    const page: Awaited<ReturnType<IndexStore['soleContents']>> = await store.soleContents(after, 2)
    for (const { name, content } of page.named) files.put(name, content, files.version)
    after = page.next
  }
}

function aContent(contentId: number, more: Partial<NamedContent> = {}): NamedContent {
  const sha256 = hashOf(String(contentId))
  return {
    contentId,
    sha256,
    size: contentId,
    chunkRoot: contentId % 3 === 0 ? hashOf('root') : sha256,
    modifiedMs: 1_700_000_000_000 + contentId,
    holders: [{ peerId: `p${contentId % 7}`, kind: 'shared' }],
    file: { owner: 'o', name: '' },
    isTrashed: false,
    factor: 2,
    owners: [],
    ...more,
  }
}

const peerOf = (): RankedPeer => aPeer()
const aMemory = (filesBytesMax = 2 ** 20): LookupMemory =>
  new LookupMemory({ filesBytesMax }, { peerOf, random: systemRandom })

test('rows are found until they are dropped or displaced, within the bytes given', () => {
  const sources = new SourceTexts(peerOf)
  const bytesMax = 2_000_000
  const files = new KnownFiles({ bytesMax }, { sources, random: systemRandom })
  const nameOf = (number: number): string => `folder-${number % 50}/ü/file-${number}`
  const find = (number: number): number => {
    const bytes = Buffer.from(`x${nameOf(number)}x`)
    return files.find(bytes, 1, bytes.length - 1)
  }
  const sizeOf = (number: number): number | undefined => {
    const row = find(number)
    return row === 0 ? undefined : files.parts(row).size
  }
  const put = (number: number): boolean =>
    files.put(nameOf(number), aContent(number), files.version)
  for (let number = 1; number <= 5_000; number += 1) put(number)
  expect(files.count).toBe(5_000)
  for (let number = 1; number <= 5_000; number += 2)
    files.forget({ names: [nameOf(number)], contentIds: [] })
  for (let number = 4; number <= 5_000; number += 4)
    files.forget({ names: [], contentIds: [number] })
  const isKept = (number: number): boolean => number % 4 === 2
  for (let number = 1; number <= 5_000; number += 1)
    expect(sizeOf(number)).toBe(isKept(number) ? number : undefined)
  expect(files.count).toBe(1_250)
  for (let number = 5_001; number <= 60_000; number += 1) put(number)
  expect(files.bytes).toBeLessThanOrEqual(bytesMax)
  expect(files.isFull || files.count > 10_000).toBe(true)
  let found = 0
  for (let number = 1; number <= 60_000; number += 1) {
    const size = sizeOf(number)
    if (size === undefined) continue
    found += 1
    expect(size).toBe(number)
  }
  expect(found).toBe(files.count)
  expect(sizeOf(60_000)).toBe(60_000)
})

test('all files are kept where each has a folder of its own, with a long name', () => {
  const { files } = aMemory(64 * 2 ** 20)
  const folder = 'long/'.repeat(40)
  const count = 20_000
  for (let number = 1; number <= count; number += 1)
    files.put(`${folder}${number}/f`, aContent(number), files.version)
  expect(files.count).toBe(count)
})

test('removed rows are reused before more memory is taken', () => {
  const memory = aMemory(64 * 2 ** 20)
  const { files } = memory
  for (let round = 1; round <= 300; round += 1) {
    const numbers = Array.from({ length: 500 }, (_, at) => 1_000 * round + at)
    for (const number of numbers) files.put(`a/${number}`, aContent(number), files.version)
    files.forget({ names: [], contentIds: numbers })
  }
  expect(files.count).toBe(0)
  expect(files.bytes).toBeLessThan(2 * 2 ** 20)
})

test('there is room as long as most of the rows were removed', () => {
  const { files } = aMemory(2 ** 21)
  const fill = (): number => {
    for (let number = 1; !files.isFull; number += 1)
      files.put(`a/${number}`, aContent(number), files.version)
    return files.count
  }
  const count = fill()
  const removed = Array.from({ length: count }, (_, at) => at + 1)
  for (let round = 1; round <= 3; round += 1) {
    files.forget({ names: [], contentIds: removed })
    expect(fill()).toBeGreaterThan(0.8 * count)
  }
})

test('what a row cannot have, or was read before a write, is left to the store', () => {
  const { files } = aMemory()
  const isKnown = (name: string): boolean => {
    const bytes = Buffer.from(name)
    return files.find(bytes, 0, bytes.length) !== 0
  }
  const put = (name: string, content: NamedContent, version = files.version): boolean => {
    files.put(name, content, version)
    return isKnown(name)
  }
  const holder = { peerId: 'p', kind: 'shared' } as const
  const many = Array.from({ length: 16 }, (_, at) => ({ ...holder, peerId: `p${at}` }))
  expect(put('a"b', aContent(1))).toBe(false)
  expect(put('late', aContent(2, { modifiedMs: 2 ** 48 }))).toBe(false)
  expect(put('many', aContent(3, { holders: many }))).toBe(false)
  expect(put('doubted', aContent(4, { holders: [{ ...holder, isDoubted: true }] }))).toBe(false)
  expect(put('id', aContent(2 ** 32))).toBe(false)
  expect(put('one', aContent(5))).toBe(true)
  expect(put('other name of it', aContent(5))).toBe(false)
  const { version } = files
  files.forget({ names: [], contentIds: [] })
  expect(put('before a write', aContent(6), version)).toBe(false)
})

test('a content that some peer downloads is left to the handler, others are not', () => {
  const memory = aMemory()
  for (const number of [1, 2])
    memory.files.put(`a/${number}`, aContent(number), memory.files.version)
  const fetching = new Fetching()
  const remote = { host: '192.0.2.1', port: 1 }
  const peer = { connection: { remote }, peerId: 'p' } as Session
  const isShort = (number: number): boolean =>
    shortReply(memory, requestOf(`a/${number}`), { fetching }) !== undefined
  fetching.set(peer, [aContent(1), { ...aContent(1), size: 99 }])
  expect([isShort(1), isShort(2)]).toEqual([false, true])
  fetching.set(peer, [aContent(1)])
  expect(isShort(1)).toBe(false)
  fetching.set(peer, [])
  expect(isShort(1)).toBe(true)
})

test('without memory nothing is kept', () => {
  const { files } = aMemory(0)
  files.put('a', aContent(1), files.version)
  expect(files.count).toBe(0)
})

test.each([
  ['{"id":17,"type":"lookup","body":{"name":"a/b"}}', true],
  ['{"id":17,"type":"lookup","body":{"name":"a/c"}}', false],
  ['{"id":017,"type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":0,"type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":-1,"type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":1e3,"type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":1234567890123456,"type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":17, "type":"lookup","body":{"name":"a/b"}}', false],
  ['{"id":17,"type":"lookup","body":{"name":"a/b","sha256":"00"}}', false],
  ['{"id":17,"type":"search","body":{"name":"a/b"}}', false],
  ['{"id":17,"type":"lookup","body":{"name":"a/b"}} ', false],
  ['{"id":17,"type":"lookup","body":{"name":"a/b"}', false],
  ['{"id":17,"type":"lookup","body":{"name":"', false],
  ['{"id":17', false],
  ['{', false],
])('of the request %s, it answers by itself: %s', (body, isAnswered) => {
  const memory = aMemory()
  memory.files.put('a/b', aContent(1), memory.files.version)
  expect(shortReply(memory, Buffer.from(body)) !== undefined).toBe(isAnswered)
  expect(shortReply(memory, Buffer.from(body), { mayTake: false })).toBeUndefined()
})
