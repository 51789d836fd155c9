import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AppError } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import type { CopyKey, Task } from '../common/protocol/messages.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { MemoryTransport } from '../common/testing/memory-transport.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { Announcer } from './announce/announcer.ts'
import { Catalog } from './share/catalog.ts'
import { Folders } from './share/folders.ts'
import { copyLabel, FakeIndex } from './testing/fake-index.ts'

/** A catalog, an announcer, and an index, on one clock. */
class AnnouncingFixture implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly index: FakeIndex
  readonly tasks: Task[] = []
  readonly #transport = new MemoryTransport()
  readonly #temporary: AsyncDisposable
  readonly #folders: Folders
  #catalog: Catalog
  #announcer: Announcer | undefined

  private constructor(temporary: { path: string } & AsyncDisposable) {
    this.#temporary = temporary
    this.#folders = new Folders(temporary.path)
    this.#catalog = this.#openCatalog()
    this.index = new FakeIndex({ transport: this.#transport, clock: this.clock })
  }

  static async create(): Promise<AnnouncingFixture> {
    const temporary = await temporaryFolder()
    await mkdir(dirname(new Folders(temporary.path).catalog))
    return new AnnouncingFixture(temporary)
  }

  get catalog(): Catalog {
    return this.#catalog
  }

  get announcer(): Announcer {
    if (this.#announcer === undefined) throw new Error('it is not started')
    return this.#announcer
  }

  /** The index, and a peer whose first scan has ended. */
  async startBoth(): Promise<void> {
    await this.index.start()
    this.catalog.markComplete()
    this.start()
    await this.until(() => this.index.announcements.at(-1)?.end === true)
    await this.inStep()
  }

  start(): void {
    this.#announcer = Announcer.start(
      { peerId: 'peer1', index: this.index.address, host: undefined, port: 7_100, zone: 'rack 1' },
      {
        inventory: this.#catalog,
        freeBytes: async () => 1_000,
        handlers: {
          tasks: async ({ tasks }) => {
            this.tasks.push(...tasks)
            return {}
          },
        },
        transport: this.#transport,
        clock: this.clock,
        random: seededRandom('announcer'),
        log: silentLog,
      },
    )
  }

  async stop(): Promise<void> {
    await this.#announcer?.[Symbol.asyncDispose]()
    this.#announcer = undefined
  }

  /** Ends the peer and starts it again with the same data. */
  async restart(): Promise<void> {
    await this.stop()
    this.#catalog[Symbol.dispose]()
    this.#catalog = this.#openCatalog()
    this.#catalog.markComplete()
    this.start()
  }

  put(key: CopyKey, text: string): void {
    const digest = createHash('sha256').update(text).digest()
    const sha256 = digest.toString('hex')
    const content = { sha256, size: text.length, chunkRoot: sha256 }
    const stat = { size: text.length, mtimeNs: 1n, ino: 1n }
    this.#catalog.put({ at: this.#folders.place(key), stat, content }, digest)
  }

  /** What the index should know. */
  copies(): string[] {
    const entries = this.#catalog.entriesBetween(0, this.#catalog.lastSeq, 100_000)
    return entries.map(({ at, content }) => `${copyLabel(at)} ${content.sha256}`).toSorted()
  }

  /** Lets time pass until something holds. */
  async until(holds: () => boolean): Promise<void> {
    for (let tries = 0; !holds(); tries++) {
      if (tries === 10_000) throw new Error('it did not come to pass')
      await this.clock.advance(10)
    }
  }

  /** Lets time pass until the index knows what the catalog has. */
  async inStep(): Promise<void> {
    await this.until(() => JSON.stringify(this.index.copies()) === JSON.stringify(this.copies()))
  }

  #openCatalog(): Catalog {
    return new Catalog(this.#folders, { random: seededRandom('catalog') })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.index[Symbol.asyncDispose]()
    this.#catalog[Symbol.dispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }
}

const a = { kind: 'shared', name: 'a.txt' } as const
const b = { kind: 'replicated', owner: 'peer2', name: 'b.txt' } as const

test('the index is told what is there and then, in groups, what changes', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index, catalog } = fixture
  fixture.put(a, 'a')
  await fixture.startBoth()
  expect(index.hellos).toMatchObject([
    {
      role: 'peer',
      peerId: 'peer1',
      registration: { port: 7_100, zone: 'rack 1', freeBytes: 1_000 },
    },
  ])
  expect(index.announcements).toMatchObject([{ begin: true, end: true, previousSeq: 0 }])

  fixture.put(b, 'b')
  fixture.put(a, 'changed')
  const changedMs = fixture.clock.monotonicMs()
  await fixture.inStep()
  expect(fixture.clock.monotonicMs() - changedMs).toBeLessThanOrEqual(50)
  catalog.drop(b)
  await fixture.inStep()
  expect(index.announcements.map(({ changes }) => changes.length)).toEqual([1, 2, 1])
})

test('drops that the index has seen are forgotten', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.put(a, 'a')
  await fixture.startBoth()
  const { lastSeq } = fixture.catalog
  fixture.catalog.drop(a)
  await fixture.inStep()
  const isForgotten = (): boolean => fixture.catalog.changesSince(lastSeq, 1).length === 0
  await fixture.until(isForgotten)
  expect(fixture.catalog.canResumeFrom(lastSeq)).toBe(false)
})

test('an index that restarted with its disk is told nothing twice', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  await fixture.startBoth()
  await index.stop()
  await fixture.until(() => fixture.announcer.state.name === 'connecting')
  fixture.put(b, 'b')
  await index.start()
  await fixture.inStep()
  expect(index.announcements).toHaveLength(2)
  expect(index.announcements[1]?.changes).toMatchObject([{ op: 'put', name: 'b.txt' }])
})

test('an index that lost its disk is told everything', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  fixture.put(b, 'b')
  await fixture.startBoth()
  await index.stop()
  index.forget()
  await index.start()
  await fixture.inStep()
  expect(index.announcements.at(-1)).toMatchObject({ begin: true, end: true })
})

test('an index that lost its last transactions is told everything when drops among them are forgotten', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  fixture.put(b, 'b')
  await fixture.startBoth()
  const seenSeq = fixture.catalog.lastSeq
  fixture.catalog.drop(a)
  await fixture.inStep()
  await fixture.until(() => !fixture.catalog.canResumeFrom(seenSeq))
  index.forgetFrom(seenSeq)
  index.disconnect()
  await fixture.until(() => index.hellos.length === 2)
  await fixture.until(() => index.announcements.at(-1)?.end === true)
  expect(index.copies()).toEqual(fixture.copies())
})

test('after a gap the peer says hello again and goes on from where the index is', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  fixture.put(a, 'a')
  await fixture.inStep()
  index.forgetFrom((index.announcements[0]?.lastSeq ?? 0) - 1)
  fixture.put(b, 'b')
  await fixture.inStep()
  expect(index.hellos).toHaveLength(2)
})

test('that something is gone is said only after the first scan', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  fixture.put(a, 'a')
  await index.start()
  fixture.start()
  await fixture.inStep()
  expect(index.announcements).toMatchObject([{ begin: true }])
  expect(index.announcements[0]?.end).toBeUndefined()
  fixture.catalog.markComplete()
  await fixture.until(() => index.announcements.length === 2)
  expect(index.announcements[1]).toMatchObject({ end: true, changes: [] })
})

test('a large inventory travels in frames of bounded size', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index, catalog } = fixture
  catalog.group(() => {
    for (let number = 0; number < 10_000; number++)
      fixture.put({ kind: 'shared', name: `folder/${'é'.repeat(50)} ${number}` }, `${number}`)
  })
  await fixture.startBoth()
  const frameBytes = index.announcements.map((each) => Buffer.byteLength(JSON.stringify(each)))
  expect(Math.max(...frameBytes)).toBeLessThan(limits.announceFrameBytesTarget + 1_000)
  expect(index.announcements.length).toBeLessThan(30)
  expect(index.announcements.filter(({ begin, end }) => begin || end)).toHaveLength(2)
})

test('heartbeats come as often as the index asks', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startBoth()
  await fixture.until(() => fixture.index.heartbeats === 3)
  expect(fixture.clock.monotonicMs()).toBeGreaterThanOrEqual(3_000)
  expect(fixture.clock.monotonicMs()).toBeLessThan(4_000)
})

test('the index is looked for again and again, ever slower', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.start()
  await fixture.until(() => fixture.announcer.state.name === 'connecting')
  await fixture.clock.advance(60_000)
  expect(fixture.announcer.state).toMatchObject({ error: { code: 'DIAL_FAILED' } })
  await fixture.index.start()
  const startMs = fixture.clock.monotonicMs()
  await fixture.until(() => fixture.announcer.state.name === 'registered')
  expect(fixture.clock.monotonicMs() - startMs).toBeLessThanOrEqual(2_000)
})

test('a peer that the index refuses says why, and tries again slowly', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  index.refusal = new AppError('PEER_ID_TAKEN', { peerId: 'peer1', address: '10.0.0.1:7100' })
  await index.start()
  fixture.start()
  await fixture.until(() => fixture.announcer.state.name === 'refused')
  const { signal } = new AbortController()
  await expect(fixture.announcer.connected(signal)).rejects.toMatchObject({ code: 'PEER_ID_TAKEN' })
  await fixture.clock.advance(2_400)
  expect(index.hellos).toHaveLength(1)

  index.refusal = undefined
  await fixture.until(() => fixture.announcer.state.name === 'registered')
  expect(fixture.clock.monotonicMs()).toBeLessThanOrEqual(6_000)
})

test('whoever needs the connection gets it as soon as it is there', async () => {
  await using fixture = await AnnouncingFixture.create()
  fixture.start()
  const waiting = fixture.announcer.connected(new AbortController().signal)
  const gaveUp = new AbortController()
  const leaving = fixture.announcer.connected(gaveUp.signal)
  gaveUp.abort(new Error('no longer needed'))
  await expect(leaving).rejects.toThrow('no longer needed')

  await fixture.index.start()
  await fixture.until(() => fixture.announcer.connection !== undefined)
  expect(await waiting).toBe(fixture.announcer.connection)
})

test('that everything is announced is known when it is sent', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  fixture.put(a, 'a')
  let isAnnounced = false
  const announced = fixture.announcer.announced(new AbortController().signal).then(() => {
    isAnnounced = true
  })
  expect(isAnnounced).toBe(false)
  await fixture.until(() => isAnnounced)
  await announced
  await fixture.inStep()
  expect(index.announcements.at(-1)?.changes).toHaveLength(1)
})

test('tasks from the index reach the peer', async () => {
  await using fixture = await AnnouncingFixture.create()
  await fixture.startBoth()
  const sha256 = '0'.repeat(64)
  const task = { kind: 'drop', taskId: '1', name: 'a', owner: 'peer2', sha256 } as const
  await fixture.index.handOut([task])
  expect(fixture.tasks).toEqual([task])
})

test('a peer that stops says so, but waits only a moment for the answer', async () => {
  await using fixture = await AnnouncingFixture.create()
  const { index } = fixture
  await fixture.startBoth()
  await fixture.stop()
  expect(index.leaves).toBe(1)

  fixture.start()
  await fixture.until(() => fixture.announcer.connection !== undefined)
  index.isSilent = true
  let isStopped = false
  const stopped = fixture.stop().then(() => {
    isStopped = true
  })
  const startMs = fixture.clock.monotonicMs()
  await fixture.until(() => isStopped)
  await stopped
  expect(fixture.clock.monotonicMs() - startMs).toBeLessThanOrEqual(600)
  expect(index.leaves).toBe(2)
})

test('whatever happens to the catalog, the index and the peer, the index comes to know exactly what is there', async () => {
  const keys: CopyKey[] = [a, b, { ...a, name: 'c.txt' }, { ...b, owner: 'peer3' }]
  const key = fc.constantFrom(...keys)
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        do: fc.constant('put' as const),
        key,
        text: fc.string({ maxLength: 1 }),
      }),
    },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('drop' as const), key }) },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constant('wait' as const),
        ms: fc.integer({ min: 0, max: 3_000 }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom('disconnect', 'stop the index', 'lose its disk', 'restart the peer'),
      }),
    },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      await using fixture = await AnnouncingFixture.create()
      const { index } = fixture
      let isUp = true
      await fixture.startBoth()
      for (const each of steps) {
        if (each.do === 'put') fixture.put(each.key, each.text)
        else if (each.do === 'drop') fixture.catalog.drop(each.key)
        else if (each.do === 'wait') await fixture.clock.advance(each.ms)
        else if (each.do === 'disconnect') index.disconnect()
        else if (each.do === 'restart the peer') await fixture.restart()
        else if (isUp) {
          await index.stop()
          if (each.do === 'lose its disk') index.forget()
          isUp = false
        } else {
          await index.start()
          isUp = true
        }
      }
      if (!isUp) await index.start()
      await fixture.until(() => fixture.announcer.state.name === 'registered')
      await fixture.inStep()
      await fixture.clock.advance(10_000)
      expect(index.copies()).toEqual(fixture.copies())
    }),
    { numRuns: 60 },
  )
})
