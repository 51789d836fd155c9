import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { MoveFinder, Rooms } from './move-finder.ts'
import type { Move } from './moves.ts'

/** From the end of a walk that found contents without a place in another zone to the next one. */
const blockedRetryMs = 3_600_000
/** From walk to walk otherwise: contents made while another zone was full are found by then. */
const walkAgainMs = 6 * 3_600_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly finder: Pick<MoveFinder, 'zoneMove'>
  readonly clock: Clock
}

/**
 * Walks over all contents to find those whose copies share a zone: when a zone becomes available,
 * and from time to time.
 */
export class ZoneWalk {
  readonly #dependencies: Dependencies
  /** The zones of the previous walk. */
  #zones: ReadonlySet<string> = new Set()
  #dueMs = Infinity
  #isRunning = false
  #isBlocked = false
  #after: string | undefined
  /** Contents of the current page that were not looked at. */
  #page: StoredContent[] = []

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Starts a walk if one is due: a peer of a zone that was not available can take copies now. */
  look(rooms: Rooms, allZones: Iterable<string | undefined>): void {
    const zones = new Set([...rooms.values()].flatMap(({ zone }) => zone ?? []))
    const isNew = [...zones].some((zone) => !this.#zones.has(zone))
    this.#zones = zones
    if (!canCrowd(allZones)) return
    if (isNew || this.#dependencies.clock.monotonicMs() >= this.#dueMs) this.#start()
  }

  get isRunning(): boolean {
    return this.#isRunning
  }

  /** Looks at some contents; returns their moves, up to the first one that `isEnough` accepts. */
  async step(rooms: Rooms, isEnough: (move: Move) => boolean): Promise<Move[]> {
    if (this.#page.length === 0) await this.#readPage()
    const moves: Move[] = []
    for (let content = this.#page.shift(); content !== undefined; content = this.#page.shift()) {
      const move = this.#dependencies.finder.zoneMove(content, rooms)
      if (move === 'blocked') this.#isBlocked = true
      else if (move !== undefined) {
        moves.push(move)
        if (isEnough(move)) return moves
      }
    }
    if (this.#after === undefined) this.#end()
    return moves
  }

  #start(): void {
    this.#isRunning = true
    this.#isBlocked = false
    this.#after = ''
    this.#page = []
    this.#dueMs = Infinity
  }

  #end(): void {
    this.#isRunning = false
    const waitMs = this.#isBlocked ? blockedRetryMs : walkAgainMs
    this.#dueMs = this.#dependencies.clock.monotonicMs() + waitMs
  }

  async #readPage(): Promise<void> {
    const { store } = this.#dependencies
    const after = this.#after === '' ? undefined : this.#after
    const { contentIds, next } = await store.contentIds(undefined, after, limits.contentsPerSlice)
    this.#page = [...(await store.contents(contentIds))]
    this.#after = next
  }
}

/** Whether two copies can share a zone while another one exists. */
function canCrowd(zones: Iterable<string | undefined>): boolean {
  const all = [...zones]
  const named = all.filter((zone) => zone !== undefined)
  const distinct = new Set(named)
  return distinct.size < named.length && distinct.size + (all.length - named.length) > 1
}
