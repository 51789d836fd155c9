import type { Lane } from '../../common/content/lanes.ts'
import { type Rank, ranks } from './ranks.ts'

/** What a content waits for: a slot of `target` and, unless it is a drop, a stream of `source`. */
export interface Route {
  readonly lane: Lane
  readonly source?: string | undefined
  readonly target: string
}

/** The first content queued for a route. */
export interface RouteHead {
  readonly route: Route
  readonly rank: Rank
  /** The lower, the longer it has waited. */
  readonly order: number
}

/**
 * Routes per content. Two, to different targets: the first that is free takes it, so that a slow
 * peer holds up almost nothing.
 */
const routesPerContent = 2

interface RouteQueue extends Route {
  readonly byRank: Map<Rank, Set<number>>
  length: number
}

interface Place {
  readonly rank: Rank
  readonly order: number
  readonly queues: readonly RouteQueue[]
}

/**
 * Contents queued for routes whose peers are busy: most urgent first, then oldest first. A million
 * contents take about 200 MB.
 */
export class RouteQueues {
  /** By lane and target, then by source. */
  readonly #queues = new Map<string, Map<string | undefined, RouteQueue>>()
  readonly #places = new Map<number, Place>()
  readonly #counts = new Map<Rank, number>()
  #lastOrder = 0

  get size(): number {
    return this.#places.size
  }

  get contentIds(): Iterable<number> {
    return this.#places.keys()
  }

  hasRank(isSuch: (rank: Rank) => boolean): boolean {
    return this.#counts.entries().some(([rank, count]) => count > 0 && isSuch(rank))
  }

  rankOf(contentId: number): Rank | undefined {
    return this.#places.get(contentId)?.rank
  }

  /** The number of contents queued for a target. */
  lengthAt({ lane, target }: Route): number {
    const queues = this.#queues.get(keyOf(lane, target))?.values()
    return queues?.reduce((sum, { length }) => sum + length, 0) ?? 0
  }

  /** The number of contents queued for a route. */
  lengthOf({ lane, source, target }: Route): number {
    return this.#queues.get(keyOf(lane, target))?.get(source)?.length ?? 0
  }

  /** Queues a content, not queued yet, for the first of `routes`, of which there is at least one. */
  add(contentId: number, rank: Rank, routes: readonly Route[]): void {
    if (routes.length === 0) throw new RangeError('no route to queue for')
    const queues = routes.slice(0, routesPerContent).map((route) => this.#queueOf(route))
    this.#put(contentId, { rank, order: ++this.#lastOrder, queues })
  }

  /** A queued content has become more or less urgent. */
  setRank(contentId: number, rank: Rank): void {
    const place = this.#places.get(contentId)
    if (place === undefined || place.rank === rank) return
    this.delete(contentId)
    const queues = place.queues.map((route) => this.#queueOf(route))
    this.#put(contentId, { rank, order: ++this.#lastOrder, queues })
  }

  delete(contentId: number): void {
    const place = this.#places.get(contentId)
    if (place === undefined) return
    const { rank, queues } = place
    this.#places.delete(contentId)
    this.#count(rank, -1)
    for (const queue of queues) {
      const ofRank = queue.byRank.get(rank)
      ofRank?.delete(contentId)
      if (ofRank?.size === 0) queue.byRank.delete(rank)
      if (--queue.length === 0) this.#remove(queue)
    }
  }

  /**
   * The first content of each route to a target that passes `isTarget`, most urgent and oldest
   * first.
   */
  heads(isTarget: (lane: Lane, target: string) => boolean): RouteHead[] {
    const heads: RouteHead[] = []
    for (const queues of this.#queues.values()) {
      const [first] = queues.values()
      if (first === undefined || !isTarget(first.lane, first.target)) continue
      for (const queue of queues.values()) heads.push(this.#headOf(queue))
    }
    return heads.sort((a, b) => ranks.indexOf(a.rank) - ranks.indexOf(b.rank) || a.order - b.order)
  }

  /** The first `max` contents queued for a route. */
  first({ lane, source, target }: Route, max: number): number[] {
    const byRank = this.#queues.get(keyOf(lane, target))?.get(source)?.byRank
    const found: number[] = []
    for (const rank of ranks) {
      const ofRank = byRank?.get(rank)
      if (ofRank !== undefined) found.push(...ofRank.values().take(max - found.length))
    }
    return found
  }

  #headOf(route: RouteQueue): RouteHead {
    const [contentId = 0] = this.first(route, 1)
    const { rank = 'copies/small', order = 0 } = this.#places.get(contentId) ?? {}
    return { route, rank, order }
  }

  #put(contentId: number, place: Place): void {
    this.#places.set(contentId, place)
    this.#count(place.rank, 1)
    for (const queue of place.queues) {
      const ofRank = queue.byRank.get(place.rank) ?? new Set()
      queue.byRank.set(place.rank, ofRank.add(contentId))
      queue.length++
    }
  }

  #queueOf({ lane, source, target }: Route): RouteQueue {
    const key = keyOf(lane, target)
    const ofTarget = this.#queues.get(key) ?? new Map<string | undefined, RouteQueue>()
    this.#queues.set(key, ofTarget)
    const queue = ofTarget.get(source) ?? { lane, source, target, byRank: new Map(), length: 0 }
    ofTarget.set(source, queue)
    return queue
  }

  #remove({ lane, source, target }: RouteQueue): void {
    const ofTarget = this.#queues.get(keyOf(lane, target))
    ofTarget?.delete(source)
    if (ofTarget?.size === 0) this.#queues.delete(keyOf(lane, target))
  }

  #count(rank: Rank, by: 1 | -1): void {
    this.#counts.set(rank, (this.#counts.get(rank) ?? 0) + by)
  }
}

function keyOf(lane: Lane, target: string): string {
  return `${lane} ${target}`
}
