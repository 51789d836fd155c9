import { BackgroundWork } from '../../common/background.ts'
import { type BackoffOptions, backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, errorFromWire, reasonOf, toAppError } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import type { Log } from '../../common/log.ts'
import { parseRulePattern } from '../../common/name-query.ts'
import type { MatchedFile } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { unlessAborted } from '../../common/unless-aborted.ts'
import { WakeUp } from '../../common/wake-up.ts'
import type { Download } from '../api/download-shapes.ts'
import type { Followed, FollowRequest } from '../api/follow-shapes.ts'
import {
  type BackgroundDownloads,
  endOf,
  type FollowIndex,
  type FollowShelf,
} from './follow-parts.ts'
import { decideFollow } from './follow-plan.ts'
import type { FollowRule, FollowStore } from './follow-store.ts'
import { newestFiles } from './newest-files.ts'
import { RetryTable } from './retry-table.ts'

/** Files in the queue of downloads for all rules; the others wait in the index. */
export const followedAtOnce = 4
/** Rules that are compared concurrently, so that a large one holds up no small one; each holds a page. */
const rulesAtOnce = 8
/** Least time between two comparisons with the index. */
const comparePauseMs = 1_000
/** A peer spends about a tenth of its time, and of the index's for it, on comparing. */
const pauseFactor = 10
/** However long a comparison takes, news are at most that old. */
const comparePauseMsMax = 60_000
/** After a comparison that failed. */
const compareBackoff: BackoffOptions = { firstMs: 1_000, maxMs: 60_000 }

interface Dependencies {
  readonly store: Pick<FollowStore, 'rules' | 'put' | 'remove' | 'file' | 'putFile'>
  readonly shelf: FollowShelf
  readonly index: FollowIndex
  readonly downloads: BackgroundDownloads
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Counts of one comparison of a rule's files. */
type Progress = {
  -readonly [Key in keyof Omit<Followed, 'pattern' | 'newest' | 'addedMs'>]: Followed[Key]
}

interface InFlight {
  readonly rule: number
  readonly id: string
}

/**
 * Keeps downloaded/ up to date with rules. It compares the files of each rule with downloaded/, page by
 * page, whenever the index reports changes of files, and has a few differing ones at a time downloaded.
 * It removes no file, and replaces only what it knows not to be a user's work
 * (docs/decisions/0040-following.md).
 */
export class Follower implements AsyncDisposable {
  readonly #peerId: string
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  readonly #retries: RetryTable
  #rules: readonly FollowRule[]
  /** Notified when the rules change. */
  readonly #ruled = new WakeUp()
  /** Notified when a file is to be retried later. */
  readonly #failed = new WakeUp()
  /** Notified when a download has ended. */
  readonly #freed = new WakeUp()
  /** Ends the present comparison. */
  #comparison = new AbortController()
  /** By rule: of the last complete comparison or, until then, of the first. */
  readonly #progress = new Map<number, Progress>()
  /** By name. */
  readonly #inFlight = new Map<string, InFlight>()
  /** Time that the present comparison has waited for places in the queue. */
  #waitedMs = 0
  /** Why the last comparison failed. */
  #failure: AppError | undefined

  constructor({ peerId }: { readonly peerId: string }, dependencies: Dependencies) {
    this.#peerId = peerId
    this.#dependencies = dependencies
    this.#rules = dependencies.store.rules()
    this.#retries = new RetryTable(dependencies)
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('follow', (signal) => this.#run(signal))
  }

  /** The rules, in the order in which they were added, and how far each is. */
  list(): Followed[] {
    return this.#rules.map((rule) => this.#view(rule))
  }

  /** What keeps files from being followed; undefined if nothing does. */
  get problem(): { readonly failed: number; readonly error: AppError } | undefined {
    const all = [...this.#progress.values()]
    const failed = all.reduce((sum, progress) => sum + progress.failed, 0)
    const wire = all.find(({ error }) => error !== undefined)?.error
    const error = this.#failure ?? (wire && errorFromWire(wire))
    return error && { failed, error }
  }

  /**
   * Adds a rule, or changes the one with this pattern.
   * @throws AppError NAME_INVALID, TOO_MANY_FOLLOWED, DISK_FULL, DISK_FAILED
   */
  follow({ pattern: typed, newest }: FollowRequest): Followed {
    const { store, clock } = this.#dependencies
    const pattern = parseRulePattern(typed)
    store.put({ pattern, newest, addedMs: clock.nowMs() })
    this.#onRules()
    const rule = this.#rules.find((one) => one.pattern === pattern)
    if (rule === undefined) throw new AppError('INTERNAL')
    return this.#view(rule)
  }

  /**
   * Removes a rule and ends its downloads; files that are complete stay.
   * @throws AppError NAME_INVALID, NOT_FOLLOWED, DISK_FULL, DISK_FAILED
   */
  async unfollow(typed: string): Promise<void> {
    const { store, downloads } = this.#dependencies
    const pattern = parseRulePattern(typed)
    const rule = this.#rules.find((one) => one.pattern === pattern)
    if (rule === undefined || !store.remove(pattern))
      throw new AppError('NOT_FOLLOWED', { pattern })
    this.#onRules()
    this.#progress.delete(rule.id)
    const ended = [...this.#inFlight.values()].filter((one) => one.rule === rule.id)
    await Promise.all(ended.map(({ id }) => downloads.cancel(id)))
  }

  /** Resolves when nothing is compared any longer; downloads continue. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  #onRules(): void {
    this.#rules = this.#dependencies.store.rules()
    this.#comparison.abort(new AppError('STOPPING'))
    this.#ruled.notify()
  }

  #view({ id, pattern, newest, addedMs }: FollowRule): Followed {
    const progress = this.#progress.get(id) ?? newProgress()
    return { pattern, ...(newest !== undefined && { newest }), addedMs, ...progress }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { shelf, clock, random, log } = this.#dependencies
    await unlessAborted(shelf.ready, signal)
    let cursor: string | undefined
    for (let failures = 0; ; ) {
      await this.#ruled.until(() => this.#rules.length > 0 || undefined, signal)
      const rules = this.#rules
      this.#comparison = new AbortController()
      this.#waitedMs = 0
      try {
        // An index that is away is no comparison that takes long.
        cursor ??= await this.#news(undefined, signal)
        const startMs = clock.monotonicMs()
        await this.#compareAll(AbortSignal.any([signal, this.#comparison.signal]))
        this.#retries.forgetDue(startMs)
        failures = 0
        this.#failure = undefined
        const tookMs = clock.monotonicMs() - startMs - this.#waitedMs
        cursor = await this.#untilDue(cursor, rules, tookMs, signal)
      } catch (error) {
        signal.throwIfAborted()
        if (rules !== this.#rules) continue
        cursor = undefined
        failures += 1
        this.#failure = toAppError(error)
        log.debug({ reason: reasonOf(error) }, 'followed files could not be compared')
        const delayMs = backoffMs(failures, compareBackoff, random)
        await this.#ruled.next(signal, { clock, delayMs })
      }
    }
  }

  /** Waits for a change of files since a cursor. @returns the new cursor */
  async #news(after: string | undefined, signal: AbortSignal): Promise<string> {
    for (let cursor = after; ; ) {
      const changes = await this.#dependencies.index.awaitChanges(cursor, signal)
      if (after === undefined || changes.topics.includes('files')) return changes.cursor
      cursor = changes.cursor
    }
  }

  /**
   * Waits until there is something to compare: news of files, a file to be retried, or other rules.
   * @returns the cursor of what is known then
   */
  async #untilDue(
    cursor: string,
    rules: readonly FollowRule[],
    tookMs: number,
    signal: AbortSignal,
  ): Promise<string> {
    const { clock } = this.#dependencies
    const delayMs = Math.max(comparePauseMs, Math.min(pauseFactor * tookMs, comparePauseMsMax))
    if (rules === this.#rules) await this.#ruled.next(signal, { clock, delayMs })
    signal.throwIfAborted()
    if (rules !== this.#rules) return cursor
    const stop = new AbortController()
    const either = AbortSignal.any([signal, stop.signal])
    const waits = [
      this.#news(cursor, either),
      this.#ruled.next(either).then(() => cursor),
      this.#untilRetry(either).then(() => cursor),
    ]
    try {
      return await Promise.race(waits)
    } finally {
      stop.abort(new AppError('STOPPING'))
      await Promise.allSettled(waits)
    }
  }

  async #untilRetry(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    for (;;) {
      signal.throwIfAborted()
      const { nextMs } = this.#retries
      if (nextMs === 0) return
      await this.#failed.next(signal, nextMs === undefined ? undefined : { clock, delayMs: nextMs })
    }
  }

  async #compareAll(signal: AbortSignal): Promise<void> {
    await inParallel(this.#rules, rulesAtOnce, async (rule) => {
      const progress = newProgress()
      if (this.#progress.get(rule.id)?.isListed !== true) this.#progress.set(rule.id, progress)
      for await (const file of this.#wanted(rule, signal))
        await this.#compare(rule, file, progress, signal)
      progress.isListed = true
      this.#progress.set(rule.id, progress)
    })
  }

  async *#wanted(rule: FollowRule, signal: AbortSignal): AsyncGenerator<MatchedFile> {
    const all = this.#matches(rule, signal)
    if (rule.newest === undefined) yield* all
    else yield* await newestFiles(all, rule.newest)
  }

  async *#matches(
    { pattern, newest }: FollowRule,
    signal: AbortSignal,
  ): AsyncGenerator<MatchedFile> {
    const { index } = this.#dependencies
    let after: string | undefined
    do {
      const request = { pattern, after, ...(newest !== undefined && { withModified: true }) }
      const page = await index.match(request, signal)
      yield* page.files
      after = page.next
    } while (after !== undefined)
  }

  /** Has a file fetched if it is to be; waits for a place in the queue first. */
  async #compare(
    rule: FollowRule,
    file: MatchedFile,
    progress: Progress,
    signal: AbortSignal,
  ): Promise<void> {
    signal.throwIfAborted()
    const { name, sha256 } = file
    progress.files += 1
    const error = this.#retries.waiting(keyOf(file))
    if (this.#inFlight.has(name)) progress.waiting += 1
    else if (error !== undefined) onFailed(progress, error)
    else {
      const decision = this.#decide(rule, file)
      if (decision.what === 'held') this.#hold(rule, file)
      if (decision.what !== 'fetch') progress[decision.what] += 1
      else {
        progress.waiting += 1
        await this.#untilFree(signal)
        // Its user may have put a file there meanwhile.
        const now = this.#decide(rule, file)
        if (now.what === 'fetch' && !this.#inFlight.has(name))
          this.#fetch(rule, { name, sha256 }, now.replacesOnly)
      }
    }
  }

  /** Waits for a place in the queue. */
  async #untilFree(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    const startMs = clock.monotonicMs()
    const isFree = (): true | undefined => this.#inFlight.size < followedAtOnce || undefined
    // Another rule may be faster.
    while (isFree() === undefined) await this.#freed.until(isFree, signal)
    this.#waitedMs += clock.monotonicMs() - startMs
  }

  #decide(
    rule: FollowRule,
    { name, sha256, sources }: MatchedFile,
  ): ReturnType<typeof decideFollow> {
    const { shelf, store } = this.#dependencies
    return decideFollow({
      wanted: sha256,
      present: shelf.downloaded(name),
      followed: store.file(rule.id, name),
      isOwn: shelf.isShared(name),
      isSharedElsewhere: sources.some(
        ({ peerId, kind }) => kind === 'shared' && peerId !== this.#peerId,
      ),
    })
  }

  #hold(rule: FollowRule, { name, sha256 }: MatchedFile): void {
    const { store } = this.#dependencies
    const followed = store.file(rule.id, name)
    if (followed?.held === sha256 && followed.coming === undefined) return
    store.putFile(rule.id, name, { held: sha256, coming: undefined })
  }

  #fetch(
    rule: FollowRule,
    file: Pick<MatchedFile, 'name' | 'sha256'>,
    replacesOnly: readonly string[],
  ): void {
    const { store, downloads } = this.#dependencies
    const { name, sha256 } = file
    const held = store.file(rule.id, name)?.held
    store.putFile(rule.id, name, { held, coming: sha256 })
    const started = downloads.start(
      { name, sha256, wait: false },
      { startedBy: 'follow', replacesOnly: [...replacesOnly] },
    )
    if (started.state === 'paused' && started.error?.code !== 'DISK_FULL') return
    const { id } = started.state === 'paused' ? downloads.resume(started.id) : started
    this.#retries.onTried(keyOf(file))
    this.#inFlight.set(name, { rule: rule.id, id })
    this.#background.start('follow a file', async (signal) => {
      try {
        this.#onEnded(rule, file, await endOf(id, downloads, signal))
      } catch (error) {
        if (!signal.aborted) this.#onFailed(rule, file, toAppError(error))
      } finally {
        this.#inFlight.delete(name)
        this.#freed.notify()
      }
    })
  }

  #onEnded(
    rule: FollowRule,
    file: Pick<MatchedFile, 'name' | 'sha256'>,
    { state, error }: Download,
  ): void {
    const { name, sha256 } = file
    if (error !== undefined && error.code !== 'CANCELLED') {
      // One that is paused by its user says so itself.
      if (error.code !== 'PAUSED') this.#onFailed(rule, file, errorFromWire(error))
      return
    }
    this.#retries.onDone(keyOf(file))
    if (state === 'paused') return
    // One that its user cancelled counts as removed.
    this.#dependencies.store.putFile(rule.id, name, { held: sha256, coming: undefined })
    const progress = this.#progress.get(rule.id)
    if (progress?.isListed !== true) return
    progress.waiting -= 1
    progress[state === 'done' ? 'held' : 'kept'] += 1
  }

  #onFailed(rule: FollowRule, file: Pick<MatchedFile, 'name' | 'sha256'>, error: AppError): void {
    this.#retries.onFailed(keyOf(file), error)
    this.#failed.notify()
    const progress = this.#progress.get(rule.id)
    if (progress?.isListed !== true) return
    progress.waiting -= 1
    onFailed(progress, error)
  }
}

/** Other content of the name is another file to be tried. */
function keyOf({ name, sha256 }: Pick<MatchedFile, 'name' | 'sha256'>): string {
  return `${sha256}/${name}`
}

function newProgress(): Progress {
  return { isListed: false, files: 0, held: 0, waiting: 0, kept: 0, failed: 0 }
}

function onFailed(progress: Progress, { code, message, retryable, details }: AppError): void {
  progress.failed += 1
  progress.error ??= { code, message, retryable, details: { ...details } }
}
