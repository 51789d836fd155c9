import type { Clock } from '../../common/clock.ts'
import type { Catalog } from './catalog.ts'

/** Precision of the times. */
const sampleMs = 1_000

interface Sample {
  readonly atMs: number
  readonly seq: number
}

/** Remembers the number of the catalog's last change at recent times. */
export class SeqTimes implements Disposable {
  readonly #keptMs: number
  readonly #catalog: Pick<Catalog, 'lastSeq' | 'onChange'>
  readonly #clock: Clock
  /** Oldest first: times of changes, and the last change before each. */
  #samples: Sample[]
  #lastSeq: number
  readonly #unsubscribe: () => void

  constructor(
    { keptMs }: { readonly keptMs: number },
    { catalog, clock }: { catalog: Pick<Catalog, 'lastSeq' | 'onChange'>; clock: Clock },
  ) {
    this.#keptMs = keptMs
    this.#catalog = catalog
    this.#clock = clock
    this.#lastSeq = catalog.lastSeq
    this.#samples = [{ atMs: clock.monotonicMs(), seq: this.#lastSeq }]
    this.#unsubscribe = catalog.onChange(() => this.#onChange())
  }

  /** The number of the last change at least `keptMs` ago, or when this object was created. */
  get before(): number {
    this.#prune()
    const [oldest, next] = this.#samples
    const isOld = oldest !== undefined && oldest.atMs <= this.#oldMs
    return (isOld ? next : oldest)?.seq ?? this.#lastSeq
  }

  get #oldMs(): number {
    return this.#clock.monotonicMs() - this.#keptMs
  }

  #onChange(): void {
    const atMs = this.#clock.monotonicMs()
    const newest = this.#samples.at(-1)
    if (newest === undefined || atMs - newest.atMs >= sampleMs)
      this.#samples.push({ atMs, seq: this.#lastSeq })
    this.#lastSeq = this.#catalog.lastSeq
    this.#prune()
  }

  /** Keeps the newest sample that is old enough, and those after it. */
  #prune(): void {
    const oldMs = this.#oldMs
    const first = this.#samples.findLastIndex(({ atMs }) => atMs <= oldMs)
    if (first > 0) this.#samples = this.#samples.slice(first)
  }

  [Symbol.dispose](): void {
    this.#unsubscribe()
  }
}
