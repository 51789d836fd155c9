import type { Clock } from '../../../common/clock.ts'
import { nameProblem } from '../../../common/ids.ts'
import { parseNameQuery, parsePattern } from '../../../common/name-query.ts'
import type { QueryFile } from '../../../common/protocol/query-messages.ts'
import { WakeUp } from '../../../common/wake-up.ts'

/** How long hits are taken: seven hops over slow links, and the answers. */
export const queryMs = 3_000
/** Hits of one query: beyond it, further ones are ignored. */
const hitsMax = 256

/** What is asked for: a name, a content or both; or a pattern; or what `search` takes. */
export interface QueryWhat {
  readonly name?: string | undefined
  readonly sha256?: string | undefined
  readonly pattern?: string | undefined
  readonly search?: string | undefined
}

/** A file that a member has. */
export interface QueryHit extends QueryFile {
  readonly peerId: string
  readonly host: string
  readonly port: number
  /** Where a file of a program is read, over HTTP. */
  readonly url?: string
}

/** A query of this peer: hits arrive until its time is over. */
export class OpenQuery {
  readonly queryId: string
  readonly what: QueryWhat
  /** Whether only programs are asked. */
  readonly ofPrograms: boolean
  /** See {@link askedBy}. */
  readonly asksFor: (file: QueryFile) => boolean
  /** In the order in which they arrived. */
  readonly hits: QueryHit[] = []
  readonly #clock: Clock
  readonly #news = new WakeUp()
  readonly #known = new Set<string>()
  /** Hits that are being checked. */
  #checking = 0
  #isOver = false

  constructor(
    {
      queryId,
      what,
      ofPrograms = false,
    }: { queryId: string; what: QueryWhat; ofPrograms?: boolean },
    { clock }: { clock: Clock },
  ) {
    this.queryId = queryId
    this.what = what
    this.ofPrograms = ofPrograms
    this.asksFor = askedBy(what)
    this.#clock = clock
  }

  /** Whether no more hits are taken. */
  get isOver(): boolean {
    return this.#isOver
  }

  get hasRoom(): boolean {
    return !this.#isOver && this.hits.length < hitsMax
  }

  /** Adds hits that are new. */
  add(hits: readonly QueryHit[]): void {
    for (const hit of hits) {
      const key = `${hit.peerId} ${hit.sha256} ${hit.name}`
      if (!this.hasRoom || this.#known.has(key)) continue
      this.#known.add(key)
      this.hits.push(hit)
    }
    this.#news.notify()
  }

  /** A hit is checked before it is added, until what this returns is disposed. */
  checking(): Disposable {
    this.#checking += 1
    return {
      [Symbol.dispose]: () => {
        this.#checking -= 1
        this.#news.notify()
      },
    }
  }

  /** Resolves when no hit is being checked. @throws the signal's reason */
  async checked(signal: AbortSignal): Promise<void> {
    while (this.#checking > 0) await this.#news.next(signal)
  }

  end(): void {
    this.#isOver = true
    this.#news.notify()
  }

  /**
   * Resolves when there are more than `count` hits, the query is over, or after `waitMs`.
   * @throws the signal's reason
   */
  async more(count: number, waitMs: number, signal: AbortSignal): Promise<void> {
    const endMs = this.#clock.monotonicMs() + waitMs
    for (;;) {
      signal.throwIfAborted()
      const delayMs = endMs - this.#clock.monotonicMs()
      if (this.#isOver || this.hits.length > count || delayMs <= 0) return
      await this.#news.next(signal, { clock: this.#clock, delayMs })
    }
  }
}

/**
 * Tells whether a file is what a query asks for; one whose name no file can have never is. What takes time
 * to read, such as a long pattern, is read once.
 */
export function askedBy({
  name,
  sha256,
  pattern,
  search,
}: QueryWhat): (file: QueryFile) => boolean {
  const globbed = pattern === undefined ? undefined : parsePattern(pattern)
  const searched = search === undefined ? undefined : parseNameQuery(search)
  return (file) =>
    (sha256 === undefined || file.sha256 === sha256) &&
    (name === undefined || file.name === name) &&
    globbed?.matches(file.name) !== false &&
    searched?.matches(file.name) !== false &&
    nameProblem(file.name) === undefined
}
