import { setImmediate as turn } from 'node:timers/promises'
import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { lastingCopies, liveCopies, type PeerOf } from '../rank.ts'
import type { FileKey, IndexStore, StoredVersion, Touched } from '../store/store.ts'
import { expiredVersions } from './expired-versions.ts'

/**
 * Replaced versions kept per file, however small: a log that is written every second has thousands.
 */
const replacedVersionsMax = 100
/** Interval of the check for expired versions: precise enough for a grace of an hour. */
export const replacedCheckMs = 5_000

export interface ReplacedVersionsOptions {
  readonly replacedMs: number
  readonly replacedBytes: number
}

interface Dependencies {
  readonly store: Pick<
    IndexStore,
    'versionsOf' | 'dueReplaced' | 'replacedBeyond' | 'forgetReplaced'
  >
  readonly peerOf: PeerOf
  /** Receives the contents whose copies may now be dropped. */
  readonly onForgotten: (touched: Touched) => void
  readonly clock: Clock
  readonly log: Log
}

/**
 * Keeps replaced versions until their successor is safe and their time has passed. The store
 * records what is kept; this class only decides what to forget (docs/decisions/0014).
 */
export class ReplacedVersions implements AsyncDisposable {
  readonly #options: ReplacedVersionsOptions
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork
  /** By owner and name: files that may have more replaced versions than allowed. */
  readonly #toCheck = new Map<string, FileKey>()

  constructor(options: ReplacedVersionsOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  start(): void {
    this.#background.start('expire replaced versions', (signal) => this.#run(signal))
  }

  /** Until when the copies of a version are kept; undefined while the current one lacks copies. */
  keptUntilMs(version: StoredVersion, current: StoredVersion | undefined): number | undefined {
    if (version.replacedMs === undefined || !this.#isSafe(current)) return undefined
    return version.replacedMs + this.#options.replacedMs
  }

  /** Files with one more replaced version. */
  onReplaced(files: readonly FileKey[]): void {
    for (const file of files) this.#toCheck.set(`${file.owner}/${file.name}`, file)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#dependencies
    let isFirst = true
    for (;;) {
      await clock.sleep(replacedCheckMs, signal)
      try {
        if (isFirst) {
          const { replacedBytes } = this.#options
          this.onReplaced(await store.replacedBeyond(replacedBytes, replacedVersionsMax))
        }
        isFirst = false
        await this.#checkAll(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ reason: reasonOf(error) }, 'replaced versions were not checked')
      }
    }
  }

  async #checkAll(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#dependencies
    for (const [key, file] of new Map(this.#toCheck)) {
      // A version added during this check is handled by the next one.
      this.#toCheck.delete(key)
      let isMore = true
      try {
        isMore = await this.#check(file)
      } finally {
        if (isMore) this.#toCheck.set(key, file)
      }
      signal.throwIfAborted()
    }
    const beforeMs = Math.floor(clock.nowMs() - this.#options.replacedMs)
    for (let after: FileKey | undefined = { owner: '', name: '' }; after !== undefined; ) {
      const due = await store.dueReplaced(beforeMs, after, limits.contentsPerSlice)
      await Promise.all(due.map((file) => this.#check(file)))
      after = due.length < limits.contentsPerSlice ? undefined : due.at(-1)
      await turn()
      signal.throwIfAborted()
    }
  }

  /** Forgets the expired versions of a file; returns whether more remain than allowed. */
  async #check(file: FileKey): Promise<boolean> {
    const { store, peerOf, clock, onForgotten } = this.#dependencies
    const all = await store.versionsOf(file)
    const isSafe = this.#isSafe(all.find(({ replacedMs }) => replacedMs === undefined))
    const nowMs = clock.nowMs()
    const replaced = all.flatMap(({ content, replacedMs }) =>
      replacedMs === undefined
        ? []
        : [
            {
              contentId: content.contentId,
              sizeBytes: content.size,
              ageMs: nowMs - replacedMs,
              liveCopies: liveCopies(content.holders, peerOf),
            },
          ],
    )
    const bounds = { ...this.#options, versionsMax: replacedVersionsMax }
    const expired = new Set(expiredVersions(replaced, isSafe, bounds))
    if (expired.size > 0) onForgotten(await store.forgetReplaced(file, [...expired]))
    const kept = replaced.filter(({ contentId }) => !expired.has(contentId))
    const bytes = kept.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
    return bytes > bounds.replacedBytes || kept.length > bounds.versionsMax
  }

  #isSafe(current: StoredVersion | undefined): boolean {
    if (current === undefined) return false
    const { holders, factor } = current.content
    return lastingCopies(holders, this.#dependencies.peerOf) >= factor
  }
}
