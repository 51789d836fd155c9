import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, FoundContent } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { emptySeries, summaryOf, withValue } from '../../common/running-summary.ts'
import type { Download, Downloaded, DownloadRequest, Stats } from '../api.ts'
import type { Fetcher } from './fetcher.ts'
import { SpeedMeter } from './speed-meter.ts'

/** What downloads need of the rest of the peer. */
export interface DownloadSteps {
  /**
   * The contents of `name`, the one to take first in front; at least one.
   * @throws AppError NAME_NOT_FOUND, INDEX_UNREACHABLE
   */
  lookup(name: string, signal: AbortSignal): Promise<readonly FoundContent[]>
  /**
   * Puts a copy of a content that this peer holds, in whatever place, into downloaded/ as `name`.
   * @returns undefined when it holds none
   */
  copyLocal(name: string, sha256: string): Promise<{ path: string; size: number } | undefined>
  /** Moves a fetched file into downloaded/ as `name` and catalogs it. */
  adopt(
    name: string,
    content: Content,
    file: { partialPath: string; chunkList: Buffer },
  ): Promise<{ path: string }>
}

interface DownloadDependencies {
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly steps: DownloadSteps
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

interface Entry {
  readonly id: string
  readonly name: string
  readonly sha256: string | undefined
  readonly stop: AbortController
  readonly ended: PromiseWithResolvers<void>
  meter: SpeedMeter
  state: Download['state']
  size: number
  result?: Downloaded
  error?: AppError
}

/** What different peers say that one content is; the one to believe first in front. */
type Claims = readonly [FoundContent, ...FoundContent[]]

/** A fetched file in its place. */
interface Placed extends Pick<Downloaded, 'path' | 'sources'> {
  readonly size: number
}

/**
 * What people ask this peer to download: a queue with so many at once, and what became of the last
 * ones. Two downloads of one name never run at the same time: the second finds what the first left.
 */
export class Downloads implements AsyncDisposable {
  readonly #atOnce: number
  readonly #dependencies: DownloadDependencies
  readonly #background: BackgroundWork
  /** Those that wait or run, by what was asked for. */
  readonly #active = new Map<string, Entry>()
  /** Those and the last ones that ended, by id. */
  readonly #entries = new Map<string, Entry>()
  readonly #waiting: Entry[] = []
  readonly #running = new Set<Entry>()
  readonly #finishedIds: string[] = []
  #bytesPerSecond = emptySeries
  #networkBytes = 0
  #networkSeconds = 0
  #doneCount = 0
  #failedCount = 0

  constructor(options: { downloadsAtOnce: number }, dependencies: DownloadDependencies) {
    this.#atOnce = options.downloadsAtOnce
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /** Downloads that wait and run now; done and failed since the start. */
  get counts(): Readonly<Record<Download['state'], number>> {
    return {
      waiting: this.#waiting.length,
      running: this.#running.size,
      done: this.#doneCount,
      failed: this.#failedCount,
    }
  }

  /** Of the downloads since the start that came over the network. */
  get stats(): Pick<Stats, 'downloadBytesPerSecond' | 'throughputBytesPerSecond'> {
    return {
      downloadBytesPerSecond: summaryOf(this.#bytesPerSecond),
      throughputBytesPerSecond:
        this.#networkSeconds > 0 ? this.#networkBytes / this.#networkSeconds : 0,
    }
  }

  /**
   * Queues a download; one that is waiting or running for the same request is taken instead.
   * @throws AppError NAME_INVALID, TOO_MANY_DOWNLOADS, STOPPING
   */
  start({ name: text, sha256 }: DownloadRequest): Download {
    if (this.#background.signal.aborted) throw new AppError('STOPPING')
    const name = parseName(text)
    const request = { name, sha256 }
    const same = this.#active.get(keyOf(request))
    if (same !== undefined) return snapshotOf(same)
    if (this.#active.size >= limits.downloadsActiveMax)
      throw new AppError('TOO_MANY_DOWNLOADS', { max: limits.downloadsActiveMax })
    const entry = this.#newEntry(request)
    this.#active.set(keyOf(entry), entry)
    this.#entries.set(entry.id, entry)
    this.#waiting.push(entry)
    this.#startNext()
    return snapshotOf(entry)
  }

  /**
   * The download, as soon as it ended or after `waitMs`.
   * @throws AppError DOWNLOAD_NOT_FOUND; or the signal's reason
   */
  async wait(id: string, waitMs: number, signal?: AbortSignal): Promise<Download> {
    const entry = this.#entryOf(id)
    if (this.#isActive(entry) && waitMs > 0) {
      const left = new AbortController()
      const signals = signal === undefined ? [left.signal] : [left.signal, signal]
      const expiry = this.#dependencies.clock.sleep(waitMs, AbortSignal.any(signals))
      await Promise.race([entry.ended.promise, expiry]).finally(() => left.abort())
    }
    return snapshotOf(entry)
  }

  /**
   * Ends a download and resolves when nothing of it is left; one that ended already stays as it is.
   * @throws AppError DOWNLOAD_NOT_FOUND
   */
  async cancel(id: string): Promise<void> {
    const entry = this.#entryOf(id)
    if (!this.#isActive(entry)) return
    this.#abort(entry, new AppError('CANCELLED', { what: `The download of '${entry.name}'` }))
    await entry.ended.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const disposed = this.#background[Symbol.asyncDispose]()
    for (const entry of this.#active.values()) this.#abort(entry, new AppError('STOPPING'))
    await disposed
  }

  #newEntry(request: Pick<Entry, 'name' | 'sha256'>): Entry {
    const { clock, random } = this.#dependencies
    return {
      ...request,
      id: randomId(random),
      stop: new AbortController(),
      ended: Promise.withResolvers<void>(),
      meter: new SpeedMeter({ clock }),
      state: 'waiting',
      size: 0,
    }
  }

  #entryOf(id: string): Entry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id })
    return entry
  }

  #isActive(entry: Entry): boolean {
    return this.#active.get(keyOf(entry)) === entry
  }

  #abort(entry: Entry, reason: AppError): void {
    entry.stop.abort(reason)
    const place = this.#waiting.indexOf(entry)
    if (place === -1) return
    this.#waiting.splice(place, 1)
    this.#fail(entry, reason)
    this.#onEnded(entry)
  }

  #startNext(): void {
    while (this.#running.size < this.#atOnce) {
      const busyNames = new Set([...this.#running].map(({ name }) => name))
      const place = this.#waiting.findIndex(({ name }) => !busyNames.has(name))
      const [entry] = place === -1 ? [] : this.#waiting.splice(place, 1)
      if (entry === undefined) return
      this.#running.add(entry)
      this.#background.start('download', () => this.#run(entry))
    }
  }

  async #run(entry: Entry): Promise<void> {
    entry.state = 'running'
    try {
      entry.result = await this.#download(entry)
      entry.state = 'done'
      this.#doneCount += 1
    } catch (error) {
      this.#fail(entry, toAppError(error))
    } finally {
      this.#running.delete(entry)
      this.#onEnded(entry)
      this.#startNext()
    }
  }

  async #download(entry: Entry): Promise<Downloaded> {
    const { clock, steps } = this.#dependencies
    const { name, stop } = entry
    const startMs = clock.monotonicMs()
    const claims = claimsOf(await steps.lookup(name, stop.signal), entry.sha256)
    const { sha256 } = claims[0]
    const copied = await steps.copyLocal(name, sha256)
    const { path, size, sources } = copied
      ? { ...copied, sources: [] }
      : await this.#fetchAny(entry, claims)
    entry.size = size
    entry.meter.onProgress(size)
    const seconds = (clock.monotonicMs() - startMs) / 1000
    if (copied === undefined) this.#countNetwork(size, seconds)
    return { name, path, bytes: size, seconds, sha256, sources }
  }

  /** Believes one claim after another, until one proves true. @throws AppError why the last did not */
  async #fetchAny(entry: Entry, claims: Claims): Promise<Placed> {
    const [claim, ...others] = claims
    try {
      return await this.#fetch(entry, claim)
    } catch (error) {
      const isFaultOfClaim = hasCode(error, 'NO_SOURCE') || hasCode(error, 'HASH_MISMATCH')
      if (!isFaultOfClaim || !isNotEmpty(others)) throw error
      entry.meter = new SpeedMeter(this.#dependencies)
      return await this.#fetchAny(entry, others)
    }
  }

  async #fetch(entry: Entry, { sources: candidates, ...content }: FoundContent): Promise<Placed> {
    const { fetcher, steps } = this.#dependencies
    const { name, stop, meter } = entry
    entry.size = content.size
    await using fetched = await fetcher.fetch({
      content,
      name,
      sources: candidates,
      keeps: true,
      signal: stop.signal,
      onProgress: ({ verifiedBytes }) => meter.onProgress(verifiedBytes),
    })
    const { path } = await steps.adopt(name, content, fetched)
    const sources = fetched.sources.map(({ peerId, host, port }) => ({ peerId, host, port }))
    return { path, size: content.size, sources }
  }

  #countNetwork(bytes: number, seconds: number): void {
    this.#networkBytes += bytes
    this.#networkSeconds += seconds
    if (seconds > 0) this.#bytesPerSecond = withValue(this.#bytesPerSecond, bytes / seconds)
  }

  #fail(entry: Entry, error: AppError): void {
    entry.state = 'failed'
    this.#failedCount += 1
    entry.error = error
    const { log } = this.#dependencies
    const { id, name } = entry
    if (error.code === 'INTERNAL')
      log.error({ id, name, error, reason: reasonOf(error.cause) }, 'download failed inside')
    else log.debug({ id, name, code: error.code, reason: reasonOf(error) }, 'download failed')
  }

  #onEnded(entry: Entry): void {
    this.#active.delete(keyOf(entry))
    entry.ended.resolve()
    this.#finishedIds.push(entry.id)
    if (this.#finishedIds.length <= limits.downloadsRemembered) return
    const [oldest] = this.#finishedIds.splice(0, 1)
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

/**
 * What is claimed about the content of this hash, or of the first: peers may differ in its size and
 * chunk root, and nobody knows who is right before the bytes are there (docs/decisions/0004).
 * @throws AppError CONTENT_NOT_FOUND when there is none
 */
function claimsOf(contents: readonly FoundContent[], asked: string | undefined): Claims {
  const sha256 = asked ?? contents[0]?.sha256 ?? ''
  const claims = contents.filter((content) => content.sha256 === sha256)
  if (!isNotEmpty(claims)) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  return claims
}

function isNotEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}

function keyOf({ name, sha256 }: Pick<Entry, 'name' | 'sha256'>): string {
  return `${sha256 ?? 'any'}/${name}`
}

function snapshotOf(entry: Entry): Download {
  const { id, name, state, size, meter, result, error } = entry
  return {
    id,
    name,
    state,
    bytes: meter.bytes,
    size,
    bytesPerSecond: state === 'running' ? meter.bytesPerSecond : 0,
    ...(result && { result }),
    ...(error && {
      error: {
        code: error.code,
        message: error.message,
        retryable: error.retryable,
        details: { ...error.details },
      },
    }),
  }
}
