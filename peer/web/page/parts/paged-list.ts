import { batch, type Signal, signal } from '@preact/signals'
import { isAbort, sentenceOf } from '../api/problem.ts'
import type { PageClock } from '../clock.ts'

export interface Rows<Row> {
  readonly rows: readonly Row[]
  /** The `after` of the next page, if there is one. */
  readonly next?: string | undefined
}

/** @param isRefresh whether the page asks by itself for what it shows already */
export type FetchPage<Row> = (
  after: string | undefined,
  signal: AbortSignal,
  isRefresh?: boolean,
) => Promise<Rows<Row>>

/** Refreshes may take this share of the time: a list of many pages is asked for less often. */
const refreshShare = 0.2
const refreshMsMin = 1_000

/** A list that grows by pages. A later `load` cancels an earlier one, whose reply is ignored. */
export class PagedList<Row> {
  readonly rows: Signal<readonly Row[]> = signal([])
  /** `loading` only while there is nothing to show for the present question. */
  readonly state: Signal<'loading' | 'ready' | 'failed'> = signal('loading')
  readonly failure = signal('')
  readonly hasMore = signal(false)

  readonly #clock: PageClock
  #fetch: FetchPage<Row> | undefined
  #running: AbortController | undefined
  #next: string | undefined
  #isLoadingMore = false
  /** Whether the rows answer the present question, not the previous one. */
  #isAnswered = false
  #cancelRefresh: (() => void) | undefined
  #refreshMs = refreshMsMin

  constructor({ clock }: { clock: PageClock }) {
    this.#clock = clock
  }

  /** Asks a new question. The rows of the previous one stay until the reply is here. */
  async load(fetch: FetchPage<Row>): Promise<void> {
    this.#fetch = fetch
    this.#isAnswered = false
    const isEmpty = this.rows.value.length === 0
    if (isEmpty || this.state.value === 'failed') this.state.value = 'loading'
    await this.#fetchPages(() => 1)
  }

  /** Asks again after a failure, immediately. */
  async retry(): Promise<void> {
    if (this.#fetch !== undefined) await this.load(this.#fetch)
  }

  /** Appends the next page, if there is one and none is being loaded. */
  async loadMore(): Promise<void> {
    const [fetch, after] = [this.#fetch, this.#next]
    if (fetch === undefined || after === undefined || this.#isLoadingMore) return
    if (!this.#isAnswered) return
    this.#isLoadingMore = true
    try {
      const signal = this.#running?.signal ?? new AbortController().signal
      const page = await fetch(after, signal)
      // A refresh may have replaced the rows that this page follows.
      if (signal.aborted || this.#next !== after) return
      this.#set([...this.rows.value, ...page.rows], page.next)
    } catch (error) {
      if (!isAbort(error)) this.failure.value = sentenceOf(error)
    } finally {
      this.#isLoadingMore = false
    }
  }

  /** Asks for the same pages again, soon: many changes in a row cause one refresh. */
  refresh(): void {
    this.#cancelRefresh ??= this.#clock.after(this.#refreshMs, () => {
      this.#cancelRefresh = undefined
      this.#refreshNow().catch(() => {})
    })
  }

  stop(): void {
    this.#running?.abort()
    this.#cancelRefresh?.()
    this.#cancelRefresh = undefined
  }

  async #refreshNow(): Promise<void> {
    // The reply on its way may be older than what caused this.
    if (!this.#isAnswered && this.state.value !== 'failed') return this.refresh()
    const startMs = this.#clock.nowMs()
    await this.#fetchPages(() => this.rows.value.length, true)
    this.#refreshMs = Math.max(refreshMsMin, (this.#clock.nowMs() - startMs) / refreshShare)
  }

  /**
   * Replaces the rows by the first pages, with at least `count()` rows if there are as many: those
   * that are there at the end, since a page may be appended meanwhile.
   */
  async #fetchPages(count: () => number, isRefresh = false): Promise<void> {
    if (this.#fetch === undefined) return
    this.#running?.abort()
    const running = new AbortController()
    this.#running = running
    try {
      const rows: Row[] = []
      let after: string | undefined
      do {
        const page = await this.#fetch(after, running.signal, isRefresh)
        rows.push(...page.rows)
        after = page.next
      } while (after !== undefined && rows.length < count() && !running.signal.aborted)
      if (!running.signal.aborted) this.#set(rows, after)
    } catch (error) {
      if (running.signal.aborted || isAbort(error)) return
      batch(() => {
        this.failure.value = sentenceOf(error)
        // What is on the page may be out of date, but is better than nothing; unless it answers
        // another question.
        if (!this.#isAnswered) this.state.value = 'failed'
      })
    }
  }

  #set(rows: readonly Row[], next: string | undefined): void {
    this.#next = next
    this.#isAnswered = true
    batch(() => {
      this.rows.value = rows
      this.hasMore.value = next !== undefined
      this.state.value = 'ready'
      this.failure.value = ''
    })
  }
}
