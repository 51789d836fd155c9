import { backoffMs } from '../../common/backoff.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { Content, MatchedFile } from '../../common/protocol/messages.ts'
import type { Fetcher } from '../fetch/fetcher.ts'
import type { Missed, SmallFetch } from '../fetch/small/small-fetch.ts'
import type { SmallContent } from '../fetch/small/small-reads.ts'
import { type From, takeSmall } from '../fetch/small/take-small.ts'
import { labelOf } from '../fetch/source/peer-source.ts'
import type { SourceProgress } from '../fetch/source/source-progress.ts'
import { SpeedMeter } from '../fetch/source/speed-meter.ts'
import type { KeyedContent, Shelf } from '../shelf.ts'
import type { DownloadFinder } from './content-watch.ts'
import type { DownloadRun, RunOptions } from './download-run.ts'
import { GroupProgress } from './group-progress.ts'
import { downloadKey, type SingleDependencies, SingleDownload } from './single-download.ts'

/** Pages of a group processed concurrently: one is listed while another is fetched. */
const groupPagesAtOnce = 2
/** Multi-chunk files of a group fetched concurrently per page. */
const groupLargeAtOnce = 2
/**
 * Files of a group without a source that are looked up individually; with more the whole group is
 * listed again.
 */
export const groupWaitingMax = 1_000

/** What a download of many files asks the index. */
export interface GroupFinder extends DownloadFinder {
  /** One page of the files that a pattern matches. @throws AppError INDEX_UNREACHABLE */
  match(
    request: { pattern: string; after?: string | undefined },
    signal: AbortSignal,
  ): Promise<{ files: MatchedFile[]; next?: string }>
}

interface GroupOptions extends RunOptions {
  readonly pattern: string
  /** See {@link GroupDownload.begun}. */
  readonly begun: ReadonlyMap<string, Content>
}

interface GroupDependencies extends SingleDependencies {
  readonly fetcher: Pick<Fetcher, 'fetch' | 'reserve' | 'smallFetch'>
  readonly finder: GroupFinder
  readonly shelf: Shelf
  /** The folder of the shelf that the names begin in. */
  readonly folder: string
}

/** Between two tries of files without a source, or of an unreachable index. */
const retryBackoff = { firstMs: 1_000, maxMs: 30_000 }

interface GroupFile extends SmallContent, KeyedContent {}

/**
 * Downloads all files that a pattern matches: page by page as the index lists them, small ones many at
 * a time, each large one separately. Files that are in place are not fetched again, so that a later run
 * resumes. Files without a source wait for one, if the request says so.
 */
export class GroupDownload implements DownloadRun {
  readonly #options: GroupOptions
  readonly #small: SmallFetch
  readonly #dependencies: GroupDependencies
  readonly #progress: GroupProgress
  readonly #begun: Map<string, Content>
  #meter: SpeedMeter
  #waitingFor: string | undefined
  /** Large files in progress. */
  readonly #running = new Set<SingleDownload>()
  /** Aborted when a page failed for a reason that others will not escape. */
  readonly #failed = new AbortController()
  /** Ends every wait. */
  readonly #signal: AbortSignal
  /** Files without a source, and the number of further ones. */
  #waiting: GroupFile[] = []
  #othersWaiting = 0
  #failures = 0
  /** By large files that are no longer in progress. */
  #reusedBefore = 0

  constructor(options: GroupOptions, dependencies: GroupDependencies) {
    const { signal } = options
    const { fetcher, clock, folder } = dependencies
    this.#options = options
    this.#dependencies = dependencies
    this.#small = fetcher.smallFetch({ purpose: 'download', signal })
    this.#signal = AbortSignal.any([signal, this.#failed.signal])
    this.#begun = new Map(options.begun)
    this.#meter = new SpeedMeter(dependencies)
    this.#progress = new GroupProgress({ folder, startMs: clock.monotonicMs() })
  }

  get progress(): GroupProgress {
    return this.#progress
  }

  /** Large files of which partial data is kept, by name: until they are complete. */
  get begun(): ReadonlyMap<string, Content> {
    return this.#begun
  }

  get bytes(): number {
    return this.#meter.bytes
  }

  get reusedBytes(): number {
    return [...this.#running].reduce((sum, one) => sum + one.reusedBytes, this.#reusedBefore)
  }

  get size(): number {
    return this.#progress.size
  }

  get bytesPerSecond(): number {
    return this.#meter.bytesPerSecond
  }

  /** Sources of small files and of large ones. */
  get sources(): readonly SourceProgress[] {
    const large = [...this.#running].flatMap(({ sources }) => sources)
    return [...Map.groupBy([...this.#small.sources, ...large], labelled).values()].map(sumOf)
  }

  get waitingFor(): string | undefined {
    return this.#waitingFor
  }

  get isFed(): boolean {
    return this.#waitingFor === undefined
  }

  /**
   * Carries it out, once.
   * @throws AppError NO_MATCH, FILES_FAILED when all others are in place, DISK_FULL, INDEX_UNREACHABLE;
   *   or the signal's reason
   */
  async run(): Promise<void> {
    const { pattern } = this.#options
    using _ = this.#small
    try {
      await this.#takeAll()
      while (this.#waiting.length > 0) await this.#tryAgain()
    } finally {
      this.#progress.endMs = this.#dependencies.clock.monotonicMs()
    }
    const { total, failed } = this.#progress
    if (total === 0) throw new AppError('NO_MATCH', { pattern })
    if (failed > 0) throw new AppError('FILES_FAILED', { pattern, files: total, failed })
  }

  async #takeAll(): Promise<void> {
    this.#meter = new SpeedMeter(this.#dependencies)
    this.#progress.begin()
    this.#waiting = []
    this.#othersWaiting = 0
    await inParallel(this.#pages(), groupPagesAtOnce, (files) => this.#takePage(files))
  }

  async *#pages(): AsyncGenerator<readonly GroupFile[]> {
    const { finder } = this.#dependencies
    const { pattern } = this.#options
    let after: string | undefined
    do {
      const asked = { pattern, after }
      const page = await this.#askIndex(() => finder.match(asked, this.#signal))
      for (const { size } of page.files) this.#progress.size += size
      this.#progress.total += page.files.length
      this.#onChanged()
      yield page.files.map(groupFile)
      after = page.next
    } while (after !== undefined)
    this.#progress.isListed = true
  }

  async #takePage(files: readonly GroupFile[]): Promise<void> {
    try {
      await this.#take(files)
    } catch (error) {
      // Another page may be waiting for the index, or for a source.
      this.#failed.abort(error)
      throw error
    }
  }

  /** Fetches these files as far as possible now; those without a source wait, or fail. */
  async #take(files: readonly GroupFile[]): Promise<void> {
    const there = await this.#dependencies.shelf.areThere(files)
    for (const [index, file] of files.entries()) if (there[index] === true) this.#onDone(file)
    const lacking = files.filter((_, index) => there[index] !== true)
    const isSmall = ({ content }: GroupFile): boolean => chunkCountFor(content.size) === 1
    const missed = await this.#takeSmall(lacking.filter(isSmall))
    const doubtful: GroupFile[] = []
    for (const { file, tried, isDoubtful } of missed)
      if (isDoubtful) doubtful.push(file)
      else this.#onMissed(file, new AppError('NO_SOURCE', { name: file.key.name, tried }))
    const singles = [...doubtful, ...lacking.filter((file) => !isSmall(file))]
    await inParallel(singles, groupLargeAtOnce, (file) => this.#takeSingle(file))
  }

  async #takeSmall(files: readonly GroupFile[]): Promise<Missed<GroupFile>[]> {
    const bytes = files.reduce((sum, { content }) => sum + content.size, 0)
    using _ = await this.#dependencies.fetcher.reserve(bytes, { purpose: 'download' })
    const options = {
      signal: this.#options.signal,
      onPlaced: (file: GroupFile, outcome: From | AppError) => this.#onPlaced(file, outcome),
    }
    const { shelf } = this.#dependencies
    return await takeSmall(files, options, { small: this.#small, shelf })
  }

  #onPlaced(file: GroupFile, outcome: From | AppError): void {
    if (!(outcome instanceof AppError)) this.#onDone(file, outcome)
    else if (outcome.code === 'DISK_FULL') throw outcome
    else this.#onFailed(file, outcome)
  }

  /** A large file, or a disputed one, is downloaded as if it were asked for alone. */
  async #takeSingle(file: GroupFile): Promise<void> {
    const { name } = file.key
    const { signal } = this.#options
    const onChanged = (): void => this.#onChanged()
    const single = new SingleDownload(
      { name, sha256: file.content.sha256, waits: false, waitsForIndex: false, signal, onChanged },
      this.#dependencies,
    )
    this.#running.add(single)
    try {
      const { sources, reusedBytes } = await single.run()
      this.#onEnded(single)
      this.#begun.delete(name)
      this.#onDone(file, sources.length > 0 ? 'network' : 'here', reusedBytes)
    } catch (error) {
      this.#onEnded(single)
      if (single.content !== undefined && single.bytes > 0) this.#begun.set(name, single.content)
      if (signal.aborted || hasCode(error, 'DISK_FULL')) throw error
      this.#onMissed(file, toAppError(error))
    }
  }

  #onEnded(single: SingleDownload): void {
    if (this.#running.delete(single)) this.#reusedBefore += single.reusedBytes
  }

  /** After a while, retries the files without a source: one by one or, if they are many, the whole group. */
  async #tryAgain(): Promise<void> {
    const count = this.#waiting.length + this.#othersWaiting
    await this.#pause(`no peer could send ${this.#waiting[0]?.key.name ?? ''}${others(count - 1)}`)
    const doneBefore = this.#progress.done
    await (this.#othersWaiting > 0 ? this.#takeAll() : this.#takeWaiting())
    if (this.#progress.done > doneBefore) this.#failures = 0
  }

  async #takeWaiting(): Promise<void> {
    const files = this.#waiting
    this.#waiting = []
    const found: GroupFile[] = []
    await inParallel(files, limits.requestsInFlightMax, async (file) => {
      try {
        found.push(await this.#lookUp(file))
      } catch (error) {
        if (this.#signal.aborted) throw error
        this.#onMissed(file, toAppError(error))
      }
    })
    await this.#take(found)
  }

  async #lookUp(file: GroupFile): Promise<GroupFile> {
    const { name } = file.key
    const [best] = await this.#dependencies.finder.lookup(name, this.#signal)
    if (best === undefined) throw new AppError('NAME_NOT_FOUND', { name })
    this.#progress.size += best.size - file.content.size
    return groupFile({ name, ...best })
  }

  async #askIndex<T>(ask: () => Promise<T>): Promise<T> {
    for (;;)
      try {
        return await ask()
      } catch (error) {
        const isKnown = this.#progress.total > 0 || this.#failures > 0
        const mayWait = this.#options.waitsForIndex || (this.#options.waits && isKnown)
        if (!mayWait || !hasCode(error, 'INDEX_UNREACHABLE')) throw error
        await this.#pause(reasonOf(error))
      }
  }

  async #pause(waitingFor: string): Promise<void> {
    const { clock, random } = this.#dependencies
    this.#waitingFor = waitingFor
    this.#onChanged()
    this.#failures += 1
    await clock.sleep(backoffMs(this.#failures, retryBackoff, random), this.#signal)
  }

  #onDone({ content: { size } }: GroupFile, from?: From, reusedBytes = 0): void {
    this.#progress.done += 1
    this.#progress.doneBytes += size
    if (from === 'network') {
      this.#progress.networkBytes += size - reusedBytes
      this.#waitingFor = undefined
    }
    this.#onChanged()
  }

  #onMissed(file: GroupFile, error: AppError): void {
    const mayCome = hasCode(error, 'NO_SOURCE') || hasCode(error, 'INDEX_UNREACHABLE')
    if (!mayCome || !this.#options.waits) this.#onFailed(file, error)
    else if (this.#waiting.length < groupWaitingMax) this.#waiting.push(file)
    else this.#othersWaiting += 1
  }

  #onFailed({ key, content }: GroupFile, error: AppError): void {
    this.#progress.onFailed(key.name, error)
    this.#progress.size -= content.size
    this.#onChanged()
  }

  #onChanged(): void {
    const running = [...this.#running].reduce((sum, { bytes }) => sum + bytes, 0)
    this.#meter.onProgress(this.#progress.doneBytes + running)
    this.#options.onChanged()
  }
}

function groupFile({ name, sha256, size, chunkRoot, sources }: MatchedFile): GroupFile {
  return { key: downloadKey(name), content: { sha256, size, chunkRoot }, sources }
}

function labelled({ source }: SourceProgress): string {
  return labelOf(source)
}

/** The progress of one source over several files. */
function sumOf(parts: readonly SourceProgress[]): SourceProgress {
  return parts.reduce((sum, { bytes, bytesPerSecond }) => ({
    source: sum.source,
    bytes: sum.bytes + bytes,
    bytesPerSecond: sum.bytesPerSecond + bytesPerSecond,
  }))
}

function others(count: number): string {
  return count > 0 ? ` and ${count} others` : ''
}
