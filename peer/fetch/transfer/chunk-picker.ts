import type { Clock } from '../../../common/clock.ts'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkRange } from '../../../common/content/chunks.ts'
import { deadlines, limits } from '../../../common/limits.ts'
import type { Random } from '../../../common/random.ts'
import type { WantedChunk } from '../source/chunk-source.ts'
import { type Ask, closedOf, isLeaving, type Lane } from './lane.ts'
import {
  chunkToAskAgain,
  type Expected,
  expectedMs,
  nextChunkBefore,
  nextChunks,
  ranksFrom,
  readsInFlightFor,
} from './plan.ts'

interface PickerOptions {
  /** Of the content. */
  readonly size: number
  /** Chunks that are verified or asked for; changes while the transfer goes on. */
  readonly taken: ChunkSet
  /** With it, chunks are wanted in order, and none from this one on is wanted yet. */
  readonly wantedEnd: () => number | undefined
  /** Whether one source that has all was known at the start. */
  readonly hasOneSource: boolean
  /** Whether somebody sent the chunk already. */
  readonly isHere: (chunk: number) => boolean
}

/** Chooses what to ask of the sources of one transfer. */
export class ChunkPicker {
  readonly #options: PickerOptions
  readonly #clock: Clock
  readonly #rankOf: (chunk: number) => number

  constructor(options: PickerOptions, { clock, random }: { clock: Clock; random: Random }) {
    this.#options = options
    this.#clock = clock
    this.#rankOf = ranksFrom(random.bytes(4).readUInt32BE())
  }

  /** Whether `lane` can be asked for more now. */
  hasRoom(lane: Lane): boolean {
    const { source, asks, restsUntilMs } = lane
    if (isLeaving(lane) || this.#clock.monotonicMs() < restsUntilMs) return false
    // Before it is known what the source chose, it might choose the same once more.
    if (asks.size - closedOf(asks).length >= limits.openReadsMax) return false
    return asks.size < readsInFlightFor(source.pace, chunkBytesFor(this.#options.size))
  }

  /**
   * The next chunk to ask of `own`, which nobody else was asked for, and those that will do as well: a
   * source that has all knows what the fewest others have.
   */
  free(own: Lane, lanes: Iterable<Lane>): WantedChunk | undefined {
    const open = [...own.asks].filter(({ isOpen }) => isOpen).map(({ chunk }) => chunk)
    // What comes for those that are open may be any; a source that does not choose sends their first.
    const [chunk, ...others] = this.#freeChunks(own, lanes).filter((free) => !open.includes(free))
    if (chunk === undefined) return undefined
    const or = this.#mayChoose(own, lanes) ? this.#asLongAs(chunk, others) : []
    return or.length === 0 && open.length > 0 ? undefined : { chunk, or }
  }

  /**
   * The source that has all, in a swarm; and before anything is asked for, because others may begin at the
   * same moment. Of several such sources two might choose the same chunk.
   */
  #mayChoose(own: Lane, lanes: Iterable<Lane>): boolean {
    const whole = [...lanes].filter(({ chunksHeld }) => chunksHeld === undefined)
    const isSwarm = [...lanes].length > whole.length
    const isFirst = this.#options.hasOneSource && this.#options.taken.size === 0
    return (isSwarm || isFirst) && own.chunksHeld === undefined && whole.length === 1
  }

  #asLongAs(chunk: number, others: readonly number[]): number[] {
    const bytesOf = (one: number): number => chunkRange(this.#options.size, one).bytes
    const asLong = others.filter((other) => bytesOf(other) === bytesOf(chunk))
    // The last ones are asked for one by one, or several sources would send the same.
    return asLong.length < limits.chunksOfferedMin ? [] : asLong.slice(0, limits.chunksOfferedMax)
  }

  #freeChunks(own: Lane, lanes: Iterable<Lane>): number[] {
    const { taken, wantedEnd } = this.#options
    const end = wantedEnd()
    if (end !== undefined) {
      const next = nextChunkBefore(end, taken, own.chunksHeld)
      return next === undefined ? [] : [next]
    }
    const others = [...lanes].filter(({ chunksHeld }) => chunksHeld !== undefined)
    const heldBy = (some: readonly Lane[]): ChunkSet[] =>
      some.flatMap(({ chunksHeld }) => chunksHeld ?? [])
    return nextChunks({
      taken,
      own: own.chunksHeld,
      partial: heldBy(others),
      idle:
        own.chunksHeld === undefined
          ? heldBy(others.filter((lane) => this.hasRoom(lane) && !isFarSlower(lane, own)))
          : [],
      // Peers that fetch the same content ask for different chunks first, and then each other.
      ...(others.length > 0 && { rankOf: this.#rankOf }),
    })
  }

  /** What stands in line at a source that has all, although `own`, which is still downloading, has it by now. */
  inLineElsewhere(own: Lane, lanes: Iterable<Lane>): { lane: Lane; ask: Ask } | undefined {
    const { chunksHeld } = own
    if (chunksHeld === undefined) return undefined
    for (const lane of lanes)
      for (const ask of lane.chunksHeld === undefined && !isFarSlower(own, lane) ? lane.asks : [])
        if (!ask.isOpen && !ask.hasBegun && chunksHeld.has(ask.chunk)) return { lane, ask }
    return undefined
  }

  /** A chunk that others should have sent by now, if it is worth asking `own` for it, too. */
  again(own: Lane, lanes: Iterable<Lane>): number | undefined {
    const { taken, wantedEnd } = this.#options
    const isAnyFree =
      nextChunkBefore(wantedEnd() ?? taken.chunkCount, taken, undefined) !== undefined
    // A chunk that is left to others is not late.
    if (isAnyFree) return undefined
    const { pace } = own.source
    const ownMs = expectedMs(pace, pace.bytesOwed + chunkBytesFor(this.#options.size))
    return chunkToAskAgain(this.#lateElsewhere(own, [...lanes]), own.chunksHeld, ownMs)
  }

  /** What other sources should have sent by now, unless it was asked for twice already. */
  #lateElsewhere(own: Lane, lanes: readonly Lane[]): Expected[] {
    const nowMs = this.#clock.monotonicMs()
    const askedFor = lanes.flatMap(({ asks }) => closedOf(asks)).map(({ chunk }) => chunk)
    const isOnce = (chunk: number): boolean =>
      askedFor.indexOf(chunk) === askedFor.lastIndexOf(chunk)
    const late: Expected[] = []
    for (const { source, asks } of lanes) {
      let bytesBefore = source.pace.bytesOwed
      for (const { chunk, bytes, atMs } of closedOf(asks).reverse()) {
        const leftMs = bytesBefore / (source.pace.bytesPerMs ?? 0)
        bytesBefore = Math.max(1, bytesBefore - bytes)
        if (asks === own.asks || nowMs - atMs < deadlines.fetchLookMs || !isOnce(chunk)) continue
        if (!this.#options.isHere(chunk)) late.push({ chunk, leftMs })
      }
    }
    return late
  }
}

/** Whether `lane` sends so much more slowly that waiting for `other` is better. */
function isFarSlower(lane: Lane, other: Lane): boolean {
  const { bytesPerMs = Number.POSITIVE_INFINITY } = lane.source.pace
  return bytesPerMs * limits.slowSourceFactor < (other.source.pace.bytesPerMs ?? 0)
}
