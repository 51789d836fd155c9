import { limits } from '../../common/limits.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { MoveFinder, Rooms } from './move-finder.ts'
import type { Move } from './moves.ts'
import { fullness } from './room.ts'

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'contentIds'>
  readonly finder: Pick<MoveFinder, 'balanceMove'>
}

/** How far the contents of a peer were looked at. */
interface Cursor {
  /** Contents that were read and not looked at. */
  page: StoredContent[]
  /** Where the next page begins; undefined if there is none. */
  after: string | undefined
}

/**
 * Walks over the replicas of the fullest peer, then of the next, until no two peers differ in
 * fullness by `differenceMin`, or nothing more can move.
 */
export class BalanceWalk {
  readonly #differenceMin: number
  readonly #dependencies: Dependencies
  /** Peers whose replicas were all looked at. */
  readonly #exhausted = new Set<string>()
  readonly #cursors = new Map<string, Cursor>()

  constructor(options: { readonly differenceMin: number }, dependencies: Dependencies) {
    this.#differenceMin = options.differenceMin
    this.#dependencies = dependencies
  }

  /**
   * Looks at some contents; returns their moves, up to the first one that `isEnough` accepts, and
   * undefined at the end of the walk. Updates `rooms`.
   */
  async step(rooms: Rooms, isEnough: (move: Move) => boolean): Promise<Move[] | undefined> {
    const fullest = fullestOf(rooms, this.#differenceMin, this.#exhausted)
    if (fullest === undefined) return undefined
    const cursor = this.#cursors.get(fullest) ?? { page: [], after: undefined }
    this.#cursors.set(fullest, cursor)
    if (cursor.page.length === 0) await this.#readPage(fullest, cursor)
    const goal = { differenceMin: this.#differenceMin }
    const moves: Move[] = []
    for (let content = cursor.page.shift(); content !== undefined; content = cursor.page.shift()) {
      const move = this.#dependencies.finder.balanceMove(content, fullest, rooms, goal)
      if (move === undefined) continue
      moves.push(move)
      if (isEnough(move) || !isFuller(fullest, rooms, this.#differenceMin)) return moves
    }
    if (cursor.after === undefined) this.#exhausted.add(fullest)
    return moves
  }

  async #readPage(from: string, cursor: Cursor): Promise<void> {
    const { store } = this.#dependencies
    const page = await store.contentIds(from, cursor.after, limits.contentsPerSlice)
    cursor.page = [...(await store.contents([...new Set(page.contentIds)]))]
    cursor.after = page.next
  }
}

/**
 * The fullest peer with replicas, if another is less full by `differenceMin`.
 * @param except peers that are not considered
 */
function fullestOf(
  rooms: Rooms,
  differenceMin: number,
  except: ReadonlySet<string>,
): string | undefined {
  const peers = Array.from(rooms.values(), (peer) => ({ peer, full: fullness(peer) }))
  const least = Math.min(...peers.map(({ full }) => full))
  const [fullest] = peers
    .filter(({ peer, full }) => {
      const isLeft = peer.replicaBytes > 0 && !except.has(peer.peerId)
      return isLeft && full - least >= differenceMin
    })
    .toSorted((a, b) => b.full - a.full || (a.peer.peerId < b.peer.peerId ? -1 : 1))
  return fullest?.peer.peerId
}

function isFuller(peerId: string, rooms: Rooms, differenceMin: number): boolean {
  const room = rooms.get(peerId)
  if (room === undefined) return false
  return fullness(room) - Math.min(...Array.from(rooms.values(), fullness)) >= differenceMin
}

/** The greatest difference in fullness between a peer with replicas and another peer. */
export function differenceOf(rooms: Rooms): number {
  const all = Array.from(rooms.values(), fullness)
  const givers = [...rooms.values()].filter(({ replicaBytes }) => replicaBytes > 0)
  return Math.max(0, ...givers.map((peer) => fullness(peer) - Math.min(...all)))
}
