import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import type { CallReply, CallRequest } from '../api/calls.ts'
import type { Download, DownloadRequest } from '../api/download-shapes.ts'
import { cursorOf, parseCursor } from '../api/page-cursor.ts'
import type { Stats } from '../api/status-shapes.ts'
import type { Fetcher } from '../fetch/fetcher.ts'
import type { Shelf } from '../shelf.ts'
import {
  type DownloadEntry,
  hasEnded,
  isPaused,
  keyOf,
  newEntry,
  recordOf,
  snapshotOf,
} from './download-entry.ts'
import { DownloadQueue } from './download-queue.ts'
import type { Background, DownloadRecords } from './download-records.ts'
import type { RunOptions } from './download-run.ts'
import { GroupDownload, type GroupFinder } from './group-download.ts'
import { NetworkStats } from './network-stats.ts'
import { SingleDownload } from './single-download.ts'

/** Finished downloads that a peer's HTTP API lists: of users, and of the peer itself. */
export const downloadsRemembered = { user: 1_000, background: 200 } as const

/** Why a run ends that received bytes when there was no place for it. */
const outOfTurn = new AppError('PAUSED')

interface DownloadDependencies {
  readonly fetcher: Pick<Fetcher, 'fetch' | 'forget' | 'reserve' | 'smallFetch'>
  readonly finder: GroupFinder
  readonly shelf: Shelf
  /** The folder of the shelf that names begin in; without it only single files can be downloaded. */
  readonly folder?: string | undefined
  readonly records: Pick<DownloadRecords, 'all' | 'put' | 'remove'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * The downloads that users requested: a queue of which a bounded number runs, and the last ones that
 * ended. Those that have not ended are recorded and resumed by the next run of this peer. Two downloads
 * of one name never run at the same time: the second finds what the first left.
 */
export class Downloads implements AsyncDisposable {
  readonly #dependencies: DownloadDependencies
  readonly #background: BackgroundWork
  /** Those that have not ended, by request. */
  readonly #active = new Map<string, DownloadEntry>()
  /** Those and the last ones that ended, by id. */
  readonly #entries = new Map<string, DownloadEntry>()
  readonly #queue: DownloadQueue<DownloadEntry>
  readonly #finishedIds = { user: [] as string[], background: [] as string[] }
  readonly #networkStats = new NetworkStats()
  #version = 0
  #lastPlace = 0
  #doneCount = 0
  #failedCount = 0

  constructor(options: { downloadsAtOnce: number }, dependencies: DownloadDependencies) {
    this.#queue = new DownloadQueue({ atOnce: options.downloadsAtOnce })
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
    for (const record of dependencies.records.all()) {
      this.#add(newEntry(record, { waitsForIndex: record.request.wait !== false }))
    }
    this.#startNext()
  }

  /** The number of downloads in each state; done and failed ones since the start. */
  get counts(): Readonly<Record<Download['state'], number>> {
    const { waitingCount, runningCount } = this.#queue
    return {
      waiting: waitingCount,
      running: runningCount,
      paused: this.#active.size - waitingCount - runningCount,
      done: this.#doneCount,
      failed: this.#failedCount,
    }
  }

  /** Of the downloads since the start that used the network. */
  get stats(): Pick<Stats, 'downloadBytesPerSecond' | 'throughputBytesPerSecond'> {
    return this.#networkStats.summary
  }

  /** Increases with each change of a download but its progress. */
  get version(): number {
    return this.#version
  }

  /** Those that are running, or have changed since a {@link version}. */
  changedSince(version: number): Download[] {
    if (version === this.#version && this.#queue.runningCount === 0) return []
    return this.#entries
      .values()
      .filter((entry) => entry.version > version || entry.state === 'running')
      .map((entry) => this.#snapshot(entry))
      .toArray()
  }

  /** Whether a download is listed. */
  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** Changes the number that may run simultaneously: more start now, surplus ones finish. */
  runAtOnce(count: number): void {
    this.#queue.atOnce = count
    this.#startNext()
  }

  /**
   * Queues a download, unless one for the same request has not ended: that one is returned, and resumed
   * if it is paused and of a user.
   * @param background of a download that no user asked for
   * @throws AppError NAME_INVALID, TOO_MANY_DOWNLOADS, STOPPING; NO_SOURCE when that one waits for a
   *   source and this one must not
   */
  start(asked: DownloadRequest, background?: Background): Download {
    if (this.#background.signal.aborted) throw new AppError('STOPPING')
    const request = { ...asked, name: asked.pattern === true ? asked.name : parseName(asked.name) }
    const same = this.#active.get(keyOf({ request, background }))
    if (same !== undefined) return this.#join(same, request)
    if (this.#active.size >= limits.downloadsActiveMax)
      throw new AppError('TOO_MANY_DOWNLOADS', { max: limits.downloadsActiveMax })
    const id = randomId(this.#dependencies.random)
    const record = { id, request, isPaused: false, ...(background && { background }) }
    const entry = newEntry(record, { waitsForIndex: false })
    this.#record((records) => records.put(recordOf(entry)))
    this.#add(entry)
    this.#startNext()
    return this.#snapshot(entry)
  }

  /**
   * One page of those that have not ended and the last ones that have, in the order of their starts in
   * this run of the peer, to which the cursors belong.
   * @throws AppError BAD_REQUEST if `after` is not the `next` of a page
   */
  list({ limit, after }: CallRequest<'downloads'>): CallReply<'downloads'> {
    const start = after === undefined ? 0 : parseCursor(after, isPlace)
    const later = this.#entries
      .values()
      .filter(({ place }) => place > start)
      .take(limit + 1)
      .toArray()
    const listed = later.slice(0, limit)
    const last = listed.at(-1)
    return {
      downloads: listed.map((entry) => this.#snapshot(entry)),
      ...(later.length > limit && last && { next: cursorOf(last.place) }),
    }
  }

  /**
   * Stops a download until it is resumed, and keeps its partial data. One that is paused or ended stays
   * as it is.
   * @throws AppError DOWNLOAD_NOT_FOUND
   */
  async pause(id: string): Promise<Download> {
    const entry = this.#entryOf(id)
    const reason = new AppError('PAUSED', { name: entry.request.name, id })
    // A run that is losing its place is followed by a place in the queue, or by another run.
    for (let run = this.#queue.runOf(entry); run !== undefined; run = this.#queue.runOf(entry)) {
      entry.stop.abort(reason)
      await run
    }
    if (this.#queue.remove(entry)) this.#onPaused(entry, reason)
    return this.#snapshot(entry)
  }

  /**
   * Resumes a paused download; any other stays as it is.
   * @throws AppError DOWNLOAD_NOT_FOUND
   */
  resume(id: string): Download {
    const entry = this.#entryOf(id)
    return isPaused(entry) ? this.#resume(entry) : this.#snapshot(entry)
  }

  /**
   * The download, as soon as it ended or is paused, or after `waitMs`.
   * @throws AppError DOWNLOAD_NOT_FOUND; or the signal's reason
   */
  async wait(id: string, waitMs: number, signal?: AbortSignal): Promise<Download> {
    const entry = this.#entryOf(id)
    if (this.#isActive(entry) && !isPaused(entry) && waitMs > 0) {
      const left = new AbortController()
      const signals = signal === undefined ? [left.signal] : [left.signal, signal]
      const expiry = this.#dependencies.clock.sleep(waitMs, AbortSignal.any(signals))
      await Promise.race([entry.ended.promise, expiry]).finally(() => left.abort())
    }
    return this.#snapshot(entry)
  }

  /**
   * Ends a download, and resolves when its partial data is removed; one that has ended stays as it is.
   * @throws AppError DOWNLOAD_NOT_FOUND
   */
  async cancel(id: string): Promise<void> {
    const entry = this.#entryOf(id)
    if (!this.#isActive(entry)) return
    const what = `The download of '${entry.request.name}'`
    const reason = new AppError('CANCELLED', { what })
    // Its present run may end as paused: by an earlier call, or by a full disk.
    while (this.#isActive(entry)) {
      this.#end(entry, reason)
      await this.#queue.runOf(entry)
    }
    if (entry.state !== 'failed') return
    const kept = [...entry.begun.values(), ...(entry.content === undefined ? [] : [entry.content])]
    for (const content of kept)
      if (!this.#isWanted(content)) await this.#dependencies.fetcher.forget(content)
  }

  /** Ends the present run of all; the next run of this peer resumes them. */
  async [Symbol.asyncDispose](): Promise<void> {
    const disposed = this.#background[Symbol.asyncDispose]()
    for (const entry of this.#active.values()) this.#end(entry, new AppError('STOPPING'))
    await disposed
  }

  #add(entry: DownloadEntry): void {
    this.#touch(entry)
    entry.place = ++this.#lastPlace
    this.#active.set(keyOf(entry), entry)
    this.#entries.set(entry.id, entry)
    if (entry.state === 'waiting') this.#queue.add(entry)
  }

  #touch(entry: DownloadEntry): void {
    entry.version = ++this.#version
  }

  #join(entry: DownloadEntry, { name, wait = true }: DownloadRequest): Download {
    if (isPaused(entry) && entry.background === undefined) return this.#resume(entry)
    const now = this.#snapshot(entry)
    if (wait || now.waitingFor === undefined) return now
    throw new AppError('NO_SOURCE', { name, tried: now.waitingFor })
  }

  #resume(entry: DownloadEntry): Download {
    this.#touch(entry)
    entry.state = 'waiting'
    entry.error = undefined
    entry.stop = new AbortController()
    entry.ended = Promise.withResolvers()
    this.#record((records) => records.put(recordOf(entry)))
    this.#queue.add(entry)
    this.#startNext()
    return this.#snapshot(entry)
  }

  #entryOf(id: string): DownloadEntry {
    const entry = this.#entries.get(id)
    if (entry === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id })
    return entry
  }

  #snapshot(entry: DownloadEntry): Download {
    return snapshotOf(entry, this.#dependencies.clock.monotonicMs())
  }

  #isActive(entry: DownloadEntry): boolean {
    return this.#active.get(keyOf(entry)) === entry
  }

  /** Whether a download that has not ended may resume partial data of this content. */
  #isWanted({ sha256, chunkRoot }: Content): boolean {
    return [...this.#active.values()].some(
      ({ content }) => content?.sha256 === sha256 && content.chunkRoot === chunkRoot,
    )
  }

  /**
   * Changes the records. If the disk refuses, downloads do not fail: the next run of this peer resumes
   * from an older state.
   */
  #record(change: (records: DownloadDependencies['records']) => void): void {
    const { records, log } = this.#dependencies
    try {
      change(records)
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'downloads are not recorded')
    }
  }

  /** Ends a download for `reason`, immediately unless it is running. */
  #end(entry: DownloadEntry, reason: AppError): void {
    entry.stop.abort(reason)
    if (this.#queue.runOf(entry) !== undefined) return
    this.#queue.remove(entry)
    this.#fail(entry, reason)
    this.#onEnded(entry)
  }

  #startNext(): void {
    for (let next = this.#queue.next(); next !== undefined; next = this.#queue.next()) {
      const entry = next
      this.#background.start('download', () => this.#run(entry))
    }
    for (const entry of this.#queue.yielding) entry.stop.abort(outOfTurn)
  }

  async #run(entry: DownloadEntry): Promise<void> {
    this.#touch(entry)
    entry.state = 'running'
    entry.isStarved = false
    try {
      await this.#carryOut(entry)
      entry.state = 'done'
      this.#doneCount += 1
    } catch (error) {
      const { signal } = entry.stop
      this.#onFailure(entry, toAppError(signal.aborted ? signal.reason : error))
    }
    this.#touch(entry)
    this.#queue.leave(entry)
    if (hasEnded(entry)) this.#onEnded(entry)
    this.#startNext()
  }

  /** If no file has the name, a folder may. */
  async #carryOut(entry: DownloadEntry): Promise<void> {
    const { sha256, pattern = false } = entry.request
    if (pattern) return await this.#carryOutGroup(entry)
    try {
      await this.#carryOutSingle(entry)
    } catch (error) {
      const mayBeFolder = sha256 === undefined && this.#dependencies.folder !== undefined
      const isAbsent = hasCode(error, 'NAME_NOT_FOUND') || hasCode(error, 'FILE_DELETED')
      if (!isAbsent || !mayBeFolder) throw error
      await this.#carryOutGroup(entry).catch((failure: unknown) => {
        if (!hasCode(failure, 'NO_MATCH')) throw failure
        entry.run = undefined
        throw error
      })
    }
  }

  async #carryOutSingle(entry: DownloadEntry): Promise<void> {
    const { request, content: begun } = entry
    const { name, sha256 } = request
    const begunBytes = entry.run?.bytes ?? 0
    const replacesOnly = entry.background?.replacesOnly
    const run = new SingleDownload(
      { ...this.#runOptions(entry), name, sha256, replacesOnly, begun, begunBytes },
      this.#dependencies,
    )
    entry.run = run
    entry.result = await run.run()
    const { bytes, reusedBytes, seconds, sources } = entry.result
    if (sources.length > 0) this.#networkStats.add(bytes - reusedBytes, seconds)
  }

  async #carryOutGroup(entry: DownloadEntry): Promise<void> {
    const { request, begun } = entry
    const { clock, folder } = this.#dependencies
    if (folder === undefined) throw new AppError('NO_MATCH', { pattern: request.name })
    const run = new GroupDownload(
      { ...this.#runOptions(entry), pattern: request.name, begun },
      { ...this.#dependencies, folder },
    )
    entry.run = run
    try {
      await run.run()
    } finally {
      entry.begun = run.begun
      const { networkBytes, startMs } = run.progress
      const seconds = (clock.monotonicMs() - startMs) / 1000
      if (networkBytes > 0) this.#networkStats.add(networkBytes, seconds)
    }
  }

  #runOptions(entry: DownloadEntry): RunOptions {
    const { request, waitsForIndex, stop } = entry
    return {
      waits: request.wait !== false,
      waitsForIndex,
      signal: stop.signal,
      onChanged: () => this.#onChanged(entry),
    }
  }

  /** The one place where runs report a change; what changed is read from the run. */
  #onChanged(entry: DownloadEntry): void {
    const { run } = entry
    if (run === undefined) return
    const content = run instanceof SingleDownload ? run.content : undefined
    if (content !== undefined && content !== entry.content) {
      // The next run of this peer resumes this content.
      entry.content = content
      this.#record((records) => records.put(recordOf(entry)))
    }
    if (run.waitingFor !== undefined) {
      entry.isStarved = true
      if (this.#queue.waitingCount > 0) this.#startNext()
    } else if (entry.isStarved && run.isFed) {
      // Others took its place meanwhile: it gets the next free one.
      if (this.#queue.isFullFor(entry)) entry.stop.abort(outOfTurn)
      else {
        entry.isStarved = false
        this.#startNext()
      }
    }
  }

  #onFailure(entry: DownloadEntry, error: AppError): void {
    // Room can be made on a disk; partial data is kept until then.
    if (error === outOfTurn && this.#background.signal.aborted)
      this.#fail(entry, new AppError('STOPPING'))
    else if (error === outOfTurn) this.#queueAgain(entry)
    else if (error.code === 'PAUSED' || error.code === 'DISK_FULL') this.#onPaused(entry, error)
    else this.#fail(entry, error)
  }

  #queueAgain(entry: DownloadEntry): void {
    entry.state = 'waiting'
    entry.stop = new AbortController()
    this.#queue.addFirst(entry)
  }

  #onPaused(entry: DownloadEntry, error: AppError): void {
    this.#touch(entry)
    entry.state = 'paused'
    entry.error = error
    entry.ended.resolve()
    this.#record((records) => records.put(recordOf(entry)))
  }

  #fail(entry: DownloadEntry, error: AppError): void {
    this.#touch(entry)
    entry.state = 'failed'
    this.#failedCount += 1
    entry.error = error
    const { log } = this.#dependencies
    const { id } = entry
    const { name } = entry.request
    if (error.code === 'INTERNAL')
      log.error({ id, name, error, reason: reasonOf(error.cause) }, 'download failed inside')
    else log.debug({ id, name, code: error.code, reason: reasonOf(error) }, 'download failed')
  }

  #onEnded(entry: DownloadEntry): void {
    this.#active.delete(keyOf(entry))
    if (!hasCode(entry.error, 'STOPPING')) this.#record((records) => records.remove(entry.id))
    entry.ended.resolve()
    // A followed folder must not push out what users wait to see.
    const starter = entry.background === undefined ? 'user' : 'background'
    const finishedIds = this.#finishedIds[starter]
    finishedIds.push(entry.id)
    if (finishedIds.length <= downloadsRemembered[starter]) return
    const [oldest] = finishedIds.splice(0, 1)
    if (oldest !== undefined) this.#entries.delete(oldest)
  }
}

function isPlace(value: unknown): value is number {
  return Number.isSafeInteger(value)
}
