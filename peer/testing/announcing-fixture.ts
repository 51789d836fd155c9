import { createHash } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AppError } from '../../common/errors.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import type { CopyKey, Task } from '../../common/protocol/messages.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Announcer } from '../announce/announcer.ts'
import { Catalog } from '../share/catalog.ts'
import { Folders } from '../share/folders.ts'
import { copyLabel, FakeIndex } from './fake-index.ts'

/** A catalog, an announcer, and an index, on one clock. */
export class AnnouncingFixture implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly index: FakeIndex
  readonly tasks: Task[] = []
  readonly #transport = new MemoryTransport()
  readonly #temporary: AsyncDisposable
  readonly #folders: Folders
  #catalog: Catalog
  #announcer: Announcer | undefined
  #dials = 0
  #starts = 0

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
        room: async () => ({ freeBytes: 1_000 }),
        intent: () => undefined,
        handlers: {
          tasks: async ({ tasks }) => {
            this.tasks.push(...tasks)
            return {}
          },
          'cancel-tasks': async () => ({}),
          probe: async () => ({}),
          verify: async () => ({}),
          prove: async () => Promise.reject(new AppError('BUSY')),
          'show-chunk': async () => Promise.reject(new AppError('BUSY')),
          'confirm-copies': async () => ({ confirmed: [] }),
          relabel: async ({ copies }) => ({ relabelled: copies.map(() => false) }),
          'restore-file': async () => ({}),
          reached: async () => ({}),
          'keep-intent': async ({ revision }) => ({ revision }),
          'read-intent': async () => ({ records: [] }),
        },
        transport: {
          listen: () => Promise.reject(new Error('an announcer does not listen')),
          dial: async (address, options) => {
            this.#dials++
            return await this.#transport.dial(address, options)
          },
        },
        clock: this.clock,
        random: seededRandom('announcer'),
        log: silentLog,
      },
    )
  }

  /** Starts a peer whose index has been away for a minute. */
  async startWithoutIndex(): Promise<void> {
    this.start()
    await this.clock.advance(60_000)
  }

  /** How often the peer has tried to connect. */
  get dials(): number {
    return this.#dials
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
    return new Catalog(this.#folders, { random: seededRandom(`catalog ${++this.#starts}`) })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
    await this.index[Symbol.asyncDispose]()
    this.#catalog[Symbol.dispose]()
    await this.#temporary[Symbol.asyncDispose]()
  }
}
