/**
 * Finds names by the trigrams that they contain, without reading all names. The trigrams are kept by a
 * thread in a database of its own, which follows the index and can be lost:
 *
 *   committed writes -> recent names -> thread          (in small groups)
 *   start, or too many recent names -> all names -> thread   (when writes are few)
 *
 * Until the thread has all names, and for queries that fit many of them, the index reads the names in
 * order, which then finds the first ones soon.
 */
import { rm } from 'node:fs/promises'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import { Thread } from '../../common/thread/thread.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { calmMs, untilCalm } from '../calm.ts'
import type { LoopTurns } from '../loop-turns.ts'
import type { IndexStore } from '../store/store.ts'
import { byBytes } from './by-bytes.ts'
import type { NamesReply, NamesRequest } from './names-thread.ts'
import { folded, trigramsOf } from './trigrams.ts'

/** Fewer names are read in order within a search's turns. */
export const namesWorthTrigrams = 20_000
/** Names given to the thread at a time: a search waits for at most one such group. */
const namesPerGroup = 250
/** Names read from the index at a time, when the thread compares all names with its own. */
const namesPerSlice = 1_000
/** Recent names that a search looks through itself; with more, all names are compared. */
const recentMax = 20_000
/** More matches that are in no order are found sooner by reading the names in order. */
const unsortedMax = 2_000
/** Names of the first page, which often suffices, and of further ones. */
const pageNames = { first: 250, further: 2_000 } as const
/** How often it looks whether the index has enough names. */
const lookEveryMs = 10_000
const retryMs = 60_000

export interface NameSearchDependencies {
  readonly store: Pick<IndexStore, 'listNames' | 'totals'>
  readonly turns: LoopTurns
  /** Whether the index has more urgent work. */
  readonly isBusy: () => boolean
  readonly clock: Clock
  readonly log: Log
}

/** Names that may match, and the state of knowledge in which they were found. */
export interface Candidates {
  readonly names: readonly string[]
  /** Names after it are not among them; all are if it is undefined. */
  readonly until: string | undefined
  readonly version: number
}

/** From where names are searched for: `isAfter` excludes `name` itself. */
export interface SearchStart {
  readonly name: string
  readonly isAfter: boolean
}

export class NameSearch {
  readonly #path: string
  readonly #dependencies: NameSearchDependencies
  readonly #wakeUp = new WakeUp()
  /** Names of writes that the thread does not have yet. */
  #recent = new Set<string>()
  /** Those that it is being given. */
  #given: readonly string[] = []
  #thread: Thread<NamesRequest, NamesReply> | undefined
  /** Whether the thread has all names but the recent ones: `comparing` if it soon will. */
  #state: 'incomplete' | 'comparing' | 'complete' = 'incomplete'
  #lastWriteMs = Number.NEGATIVE_INFINITY
  /** Counts writes. */
  #version = 0

  /** @param path the database, which is made anew if it is unusable */
  constructor(path: string, dependencies: NameSearchDependencies) {
    this.#path = path
    this.#dependencies = dependencies
  }

  /** Whether queries can use it. */
  get isReady(): boolean {
    return this.#state === 'complete'
  }

  get #isComparing(): boolean {
    return this.#state === 'comparing'
  }

  /** Names that a committed write added or removed. */
  onWritten(names: readonly string[]): void {
    if (this.#thread === undefined || names.length === 0) return
    this.#version += 1
    this.#lastWriteMs = this.#dependencies.clock.monotonicMs()
    if (this.#state === 'incomplete') return
    for (const name of names) this.#recent.add(name)
    if (this.#recent.size > recentMax) this.#onMissed()
    this.#wakeUp.notify()
  }

  /**
   * The first names from `start` on that contain all fragments, which are folded, sorted; also some that
   * the index no longer has.
   * @returns undefined if the names must be read in order
   */
  async candidates(
    fragments: readonly string[],
    start: SearchStart,
  ): Promise<Candidates | undefined> {
    const trigrams = trigramsOf(fragments)
    if (!this.isReady || trigrams.length === 0) return undefined
    const version = this.#version
    const recent = this.#recentWith(fragments, start)
    const { name: from, isAfter } = start
    const max = isAfter ? pageNames.further : pageNames.first
    const request = { trigrams, from, isAfter, max, unsortedMax }
    const found = await this.#ask({ kind: 'having', ...request })
    if (found === undefined) return undefined
    const { until } = found
    const others = recent.filter((name) => until === undefined || byBytes(name, until) <= 0)
    const names = others.length === 0 ? found.names : [...new Set([...others, ...found.names])]
    return { names: others.length === 0 ? names : names.toSorted(byBytes), until, version }
  }

  /** Some candidates that the index does not have. */
  async onAbsent(names: readonly string[], { version }: Candidates): Promise<void> {
    // A write meanwhile may have brought one back.
    if (names.length > 0 && version === this.#version) await this.#ask({ kind: 'remove', names })
  }

  /** Keeps the thread's names up to date until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { store, clock, log } = this.#dependencies
    try {
      while ((await store.totals()).names < namesWorthTrigrams)
        await clock.sleep(lookEveryMs, signal)
      for (;;) {
        const error = await this.#follow(signal).catch((failure: unknown) => failure)
        signal.throwIfAborted()
        log.warn(
          { reason: reasonOf(error) },
          'searches read all names until their index is rebuilt',
        )
        await this.#close()
        await removeDatabase(this.#path)
        await clock.sleep(retryMs, signal)
      }
    } finally {
      await this.#close()
    }
  }

  async #follow(signal: AbortSignal): Promise<never> {
    this.#thread = new Thread<NamesRequest, NamesReply>({
      script: new URL('./names-thread.ts', import.meta.url),
      onEnded: () => this.#wakeUp.notify(),
    })
    await this.#thread.call({ kind: 'open', path: this.#path })
    for (;;) {
      signal.throwIfAborted()
      if (this.#state !== 'complete') await this.#compareAll(this.#thread, signal)
      else if (this.#recent.size > 0) await this.#giveRecent(this.#thread)
      else await this.#wakeUp.next(signal)
    }
  }

  async #giveRecent(thread: Thread<NamesRequest, NamesReply>): Promise<void> {
    const names = [...this.#recent].slice(0, namesPerGroup)
    this.#given = names
    for (const name of names) this.#recent.delete(name)
    await thread.call({ kind: 'add', names })
    this.#given = []
  }

  /** Gives the thread all names, slice by slice, from which it takes what it lacks. */
  async #compareAll(thread: Thread<NamesRequest, NamesReply>, signal: AbortSignal): Promise<void> {
    const { store, turns, clock } = this.#dependencies
    await untilCalm(() => this.#isBusy(), clock, signal)
    // From here on recent names are remembered; if they become too many, it starts again.
    this.#state = 'comparing'
    let from = { name: '', contentId: 0 }
    for (;;) {
      await turns.next()
      signal.throwIfAborted()
      const rows = await store.listNames(from, namesPerSlice)
      const last = rows.length < namesPerSlice ? undefined : rows.at(-1)
      const names = [...new Set(rows.map(({ name }) => name))]
      await thread.call({ kind: 'replace', after: from.name, to: last?.name, names })
      if (!this.#isComparing) return
      if (last === undefined) break
      from = last
    }
    this.#state = 'complete'
  }

  /** Whether there were writes just before, or there is more urgent work. */
  #isBusy(): boolean {
    const { clock, isBusy } = this.#dependencies
    return clock.monotonicMs() < this.#lastWriteMs + calmMs || isBusy()
  }

  #recentWith(fragments: readonly string[], { name: from, isAfter }: SearchStart): string[] {
    return [...this.#recent, ...this.#given].filter((name) => {
      const text = folded(name)
      return fragments.every((one) => text.includes(one)) && byBytes(name, from) >= Number(isAfter)
    })
  }

  /** A failed call ends the thread, which {@link run} starts anew: the names are read in order then. */
  async #ask(request: NamesRequest): Promise<NamesReply> {
    try {
      return await this.#thread?.call(request)
    } catch (error) {
      this.#dependencies.log.debug({ reason: reasonOf(error) }, 'the index of names failed')
      this.#onMissed()
      this.#wakeUp.notify()
      return undefined
    }
  }

  /** The thread lacks names that are not remembered here. */
  #onMissed(): void {
    this.#state = 'incomplete'
    this.#recent = new Set()
  }

  async #close(): Promise<void> {
    this.#onMissed()
    this.#given = []
    await this.#thread?.[Symbol.asyncDispose]()
    this.#thread = undefined
  }
}

async function removeDatabase(path: string): Promise<void> {
  for (const suffix of ['', '-wal', '-shm', '-journal']) await rm(path + suffix, { force: true })
}
