import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Announcement } from '../../common/protocol/registration-shapes.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { KeptCatalogs } from './kept-catalogs.ts'

const sha256 = 'a'.repeat(64)

function announcement(fields: Partial<Announcement> = {}): Announcement {
  const content = { sha256, size: 1, chunkRoot: sha256, modifiedMs: 5 }
  const change = { op: 'put', seq: 1, kind: 'shared', name: 'a.txt', ...content } as const
  return { epoch: '0'.repeat(16), previousSeq: 0, lastSeq: 1, changes: [change], ...fields }
}

class World {
  readonly clock = new FakeClock()
  usedBytes = 0
  ownSeq = 7
  /** Each time that this has changed. */
  readonly keepsAll: boolean[] = []
  kept!: KeptCatalogs
  #folder = ''

  static async start(): Promise<World> {
    const world = new World()
    const folder = await temporaryFolder()
    onTestFinished(() => folder[Symbol.asyncDispose]())
    world.#folder = folder.path
    await world.restart()
    return world
  }

  async restart(): Promise<void> {
    this.kept = await KeptCatalogs.open(
      { bytesMax: 1_000, folder: this.#folder },
      {
        usedBytes: () => this.usedBytes,
        onKeepsAll: () => this.keepsAll.push(this.kept.keepsAll),
        ownSeq: () => this.ownSeq,
        held: { hasContent: () => false, hasFile: () => false },
        clock: this.clock,
        log: silentLog,
      },
    )
  }

  get file(): Promise<string> {
    return readFile(join(this.#folder, 'not-kept.json'), 'utf8')
  }

  /** @returns the operations that are stored */
  async store(one: Announcement, peerId = 'peer1'): Promise<string[]> {
    const stored = await this.kept.toStore(peerId, one)
    await this.kept.onStored(peerId, one)
    return stored.changes.map(({ op }) => op)
  }
}

test('catalogs are kept while there is room, and what concerns no file here is forgotten beyond it', async () => {
  const world = await World.start()
  expect(await world.store(announcement({ begin: true, end: true }))).toEqual(['put'])
  world.usedBytes = 1_001
  expect([...world.kept.notKept.keys()]).toEqual([])
  expect(await world.store(announcement())).toEqual(['drop'])
  expect([...world.kept.notKept.keys()]).toEqual(['peer1'])
  // A part of a catalog is no more the whole because there is room.
  world.usedBytes = 0
  expect(await world.store(announcement())).toEqual(['drop'])
  expect(await world.file).toBe('{"members":[{"peerId":"peer1","askedSeq":7}]}')
})

test('a catalog of which nothing was left out stays kept', async () => {
  const world = await World.start()
  world.usedBytes = 1_001
  await world.store(announcement({ changes: [] }))
  expect([...world.kept.notKept.keys()]).toEqual([])
})

test('a catalog that was read again, whole, is kept; and the next run knows what is not', async () => {
  const world = await World.start()
  world.usedBytes = 1_001
  await world.store(announcement())
  await world.store(announcement(), 'peer2')
  await world.restart()
  expect([...world.kept.notKept.keys()]).toEqual(['peer1', 'peer2'])
  world.usedBytes = 500
  expect(world.keepsAll).toEqual([false])
  expect(await world.store(announcement({ begin: true }))).toEqual(['put'])
  expect(world.kept.notKept.has('peer1')).toBe(true)
  expect(await world.store(announcement({ end: true }))).toEqual(['put'])
  expect([...world.kept.notKept.keys()]).toEqual(['peer2'])
  await world.restart()
  expect([...world.kept.notKept.keys()]).toEqual(['peer2'])
  await world.store(announcement({ begin: true, end: true }), 'peer2')
  expect(world.keepsAll).toEqual([false, true])
})

test('a catalog for which the room ends while it is read is not kept', async () => {
  const world = await World.start()
  await world.store(announcement({ begin: true }))
  world.usedBytes = 1_001
  expect(await world.store(announcement())).toEqual(['drop'])
  world.usedBytes = 0
  expect(await world.store(announcement({ end: true }))).toEqual(['drop'])
  expect([...world.kept.notKept.keys()]).toEqual(['peer1'])
})

test('catalogs are read again one after the other, once a part of the room is free', async () => {
  const world = await World.start()
  world.usedBytes = 1_001
  await world.store(announcement())
  await world.store(announcement(), 'peer2')
  const stop = new AbortController()
  const read: string[] = []
  const following = world.kept.follow((peerId) => read.push(peerId), stop.signal)
  world.usedBytes = 801
  await world.clock.advance(10_000)
  expect(read).toEqual([])
  world.usedBytes = 800
  for (let i = 0; i < 3; i++) await world.clock.advance(10_000)
  expect(read).toEqual(['peer1', 'peer2', 'peer1'])
  stop.abort(new Error('enough'))
  await expect(following).rejects.toThrow('enough')
})

test('how far members were asked about new files of this peer is remembered', async () => {
  const world = await World.start()
  world.usedBytes = 1_001
  await world.store(announcement())
  world.kept.onAsked('peer1', 9)
  world.kept.onAsked('peer2', 9)
  expect([...world.kept.notKept]).toEqual([['peer1', 9]])
  const stop = new AbortController()
  const following = world.kept.follow(() => {}, stop.signal)
  await world.clock.advance(10_000)
  await expect.poll(() => world.file).toContain('9')
  stop.abort(new Error('enough'))
  await expect(following).rejects.toThrow('enough')
  await world.restart()
  expect([...world.kept.notKept]).toEqual([['peer1', 9]])
})
