import { onTestFinished } from 'vitest'
import { AppError } from '../../../common/errors.ts'
import type { FoundContent } from '../../../common/protocol/messages.ts'
import { seededRandom } from '../../../common/random.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import type { Fetched, FetchRequest, FetchRun } from '../../fetch/fetch-run.ts'
import { SmallFetch } from '../../fetch/small/small-fetch.ts'
import type { Shelf } from '../../shelf.ts'
import type { DownloadFinder } from '../content-watch.ts'
import { DownloadRecords } from '../download-records.ts'
import { Downloads } from '../downloads.ts'

/** The source of `one` and `two`. */
export const source = { peerId: 'p2', host: 'h2', port: 7101, kind: 'shared' } as const
export const one: FoundContent = { ...aContent(1000, 'one').content, sources: [source] }
export const two: FoundContent = { ...aContent(2000, 'two').content, sources: [source] }

type Progress = Pick<FetchRun, 'verifiedBytes' | 'sources'> &
  Partial<Pick<FetchRun, 'reusedBytes'>> & { readonly waitingFor?: string }

/** A fetch that the test drives. */
interface PendingFetch extends FetchRequest {
  progress(progress: Progress): void
  done(): void
  fail(error: Error): void
}

/** Downloads whose finder, fetcher and shelf a test controls; every name has the contents `one` and `two`. */
export class DownloadWorld {
  readonly clock = new FakeClock()
  readonly fetches: PendingFetch[] = []
  readonly held = new Set<string>()
  readonly adopted: string[] = []
  readonly forgotten: string[] = []
  readonly records: Pick<DownloadRecords, 'all' | 'put' | 'remove'>
  discarded = 0
  kept = 0
  readonly #shelf: Shelf = {
    areThere: async (files) => files.map(() => false),
    readSmall: async (sha256s) => sha256s.map(() => undefined),
    copyLocal: async (sha256, { name }) =>
      this.held.has(sha256)
        ? { at: { path: `/downloaded/${name}` }, content: { size: 1000 } }
        : undefined,
    adopt: async ({ key, content, partialPath }) => {
      this.held.add(content.sha256)
      this.adopted.push(partialPath)
      return { at: { path: `/downloaded/${key.name}` }, content }
    },
    adoptGroup: async (files) => files.map(({ content }) => ({ at: { path: '' }, content })),
  }
  readonly downloads: Downloads
  /** For small files, which no source sends. */
  readonly #taking = {
    clock: this.clock,
    random: seededRandom('small files'),
    log: silentLog,
    pool: { lease: () => Promise.reject(new AppError('STOPPING')) },
    onReceived: () => undefined,
    onBlamed: () => {},
  }

  constructor({
    downloadsAtOnce = 2,
    lookup = (async () => [one, two]) as DownloadFinder['lookup'],
    shelf = {} as Partial<Shelf>,
    records = new DownloadRecords(':memory:', { log: silentLog }) as DownloadWorld['records'],
  } = {}) {
    this.records = records
    this.downloads = new Downloads(
      { downloadsAtOnce },
      {
        clock: this.clock,
        random: seededRandom('downloads'),
        log: silentLog,
        fetcher: {
          fetch: (request) => this.#fetch(request),
          forget: async ({ sha256 }) => void this.forgotten.push(sha256),
          reserve: async () => ({ onWritten: () => {}, [Symbol.dispose]: () => {} }),
          smallFetch: (options) => new SmallFetch(options, this.#taking),
        },
        records: this.records,
        finder: { lookup, match: async () => ({ files: [] }) },
        shelf: { ...this.#shelf, ...shelf },
      },
    )
    onTestFinished(async () => await this.downloads[Symbol.asyncDispose]())
  }

  /** Lets everything run that does not wait for time or for a fetch. */
  async settle(): Promise<void> {
    await this.clock.advance(0)
  }

  #fetch(request: FetchRequest): FetchRun {
    const { promise: fetched, resolve, reject } = Promise.withResolvers<Fetched>()
    const { content, sources, signal } = request
    const run = {
      fetched,
      verifiedBytes: 0,
      receivedBytes: 0,
      received: [],
      reusedBytes: 0,
      sources: [],
      waitingFor: undefined,
    }
    const progress = (now: Progress): void => {
      Object.assign(run, { waitingFor: undefined }, now)
      request.onChanged?.()
    }
    const done = (): void =>
      resolve({
        content,
        partialPath: `/partial/${content.sha256}`,
        chunkList: Buffer.alloc(32),
        sources,
        keep: () => void (this.kept += 1),
        [Symbol.asyncDispose]: async () => void (this.discarded += 1),
      })
    signal.addEventListener('abort', () => reject(signal.reason as Error))
    this.fetches.push({ ...request, progress, done, fail: reject })
    return run
  }
}
