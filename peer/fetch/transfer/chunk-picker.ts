/** Chooses what to request from a source of one transfer: policy, without any state of its own. */
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkRange } from '../../../common/content/chunks.ts'
import { deadlines, limits } from '../../../common/limits.ts'
import type { WantedChunk } from '../source/chunk-source.ts'
import type { ChunkBoard, ChunkRequest } from './chunk-board.ts'
import {
  chunkToAskAgain,
  type Expected,
  expectedMs,
  nextChunkBefore,
  nextChunks,
  readsInFlightFor,
} from './chunk-plan.ts'
import type { WorkingSource } from './working-source.ts'

/** Outstanding reads whose chunk the source chooses: one queued while another begins. */
export const openReadsMax = 2
/** With fewer chunks to choose from, a specific one is requested. */
const chunksOfferedMin = 4

/** What is known of the transfer when the next request is chosen. */
export interface Situation {
  /** Of the content. */
  readonly size: number
  readonly board: Pick<
    ChunkBoard<WorkingSource>,
    'taken' | 'sources' | 'requestsOf' | 'requestsFor' | 'isPresent'
  >
  /** With it, chunks are wanted in order, and none from this one on is wanted yet. */
  readonly wantedEnd: number | undefined
  /** Whether one source that has all was known at the start. */
  readonly hasOneSource: boolean
  /** An order of the chunks, different for each peer. */
  readonly rankOf: (chunk: number) => number
  readonly nowMs: number
}

/** What to request. */
export interface PickedChunk extends WantedChunk {
  /** A queued request to another source, to be withdrawn. */
  readonly insteadOf?: ChunkRequest<WorkingSource>
}

/** Whether more can be requested from `own` now. */
export function hasRoom(own: WorkingSource, { size, board, nowMs }: Situation): boolean {
  if (own.isLeaving || own.isResting(nowMs)) return false
  const requests = board.requestsOf(own)
  // Before it is known what the source chose, it might choose the same again.
  if (openChunks(requests).length >= openReadsMax) return false
  return requests.size < readsInFlightFor(own.source.pace, chunkBytesFor(size))
}

/** What to request from `own` next; undefined when there is nothing now. */
export function pickChunk(own: WorkingSource, situation: Situation): PickedChunk | undefined {
  const insteadOf = queuedElsewhere(own, situation)
  if (insteadOf !== undefined) return { chunk: insteadOf.chunk, or: [], insteadOf }
  const free = freeChunk(own, situation)
  if (free !== undefined) return free
  const chunk = lateChunk(own, situation)
  return chunk === undefined ? undefined : { chunk, or: [] }
}

/**
 * What is queued at a source that has all chunks, although `own`, which is still downloading, has it
 * by now.
 */
function queuedElsewhere(
  own: WorkingSource,
  { board }: Situation,
): ChunkRequest<WorkingSource> | undefined {
  const { chunksHeld } = own
  if (chunksHeld === undefined) return undefined
  for (const other of board.sources) {
    if (other.chunksHeld !== undefined || isFarSlower(own, other)) continue
    for (const request of board.requestsOf(other)) {
      const { state, chunk } = request
      const isBetterHere = chunksHeld.has(chunk) && !isRequestedFrom(own, board, chunk)
      if (state === 'queued' && isBetterHere && !board.isPresent(chunk)) return request
    }
  }
  return undefined
}

/**
 * The next chunk that is not requested from any source, and those that will do as well: a source that
 * has all chunks knows which of them the fewest others have.
 */
function freeChunk(own: WorkingSource, situation: Situation): WantedChunk | undefined {
  const open = openChunks(situation.board.requestsOf(own))
  // An open request may be answered with any of its chunks, but a source that does not choose sends the first.
  const [chunk, ...others] = freeChunks(own, situation).filter((free) => !open.includes(free))
  if (chunk === undefined) return undefined
  const or = mayChoose(own, situation) ? asLongAs(chunk, others, situation.size) : []
  return or.length === 0 && open.length > 0 ? undefined : { chunk, or }
}

/**
 * The source that has all chunks may choose in a swarm, and before anything is requested, because others
 * may begin at the same moment. Of several such sources two might choose the same chunk.
 */
function mayChoose(own: WorkingSource, { board, hasOneSource }: Situation): boolean {
  const { sources } = board
  const whole = sources.filter(({ chunksHeld }) => chunksHeld === undefined)
  const isSwarm = sources.length > whole.length
  const isFirst = hasOneSource && board.taken.size === 0
  return (isSwarm || isFirst) && own.chunksHeld === undefined && whole.length === 1
}

function asLongAs(chunk: number, others: readonly number[], size: number): number[] {
  const bytesOf = (one: number): number => chunkRange(size, one).bytes
  const asLong = others.filter((other) => bytesOf(other) === bytesOf(chunk))
  // The last ones are requested one by one, or several sources would send the same.
  return asLong.length < chunksOfferedMin ? [] : asLong.slice(0, limits.chunksOfferedMax)
}

function freeChunks(own: WorkingSource, situation: Situation): number[] {
  const { board, wantedEnd, rankOf } = situation
  const { taken } = board
  if (wantedEnd !== undefined) {
    const next = nextChunkBefore(wantedEnd, taken, own.chunksHeld)
    return next === undefined ? [] : [next]
  }
  const partial = board.sources.filter(({ chunksHeld }) => chunksHeld !== undefined)
  const leftTo = (one: WorkingSource): boolean => hasRoom(one, situation) && !isFarSlower(one, own)
  return nextChunks({
    taken,
    own: own.chunksHeld,
    partial: heldBy(partial),
    idle: own.chunksHeld === undefined ? heldBy(partial.filter(leftTo)) : [],
    // Peers that fetch the same content request different chunks first, and then each other's.
    ...(partial.length > 0 && { rankOf }),
  })
}

function heldBy(sources: readonly WorkingSource[]): ChunkSet[] {
  return sources.flatMap(({ chunksHeld }) => chunksHeld ?? [])
}

/** A chunk that another source should have sent by now, if it is worth requesting it from `own`, too. */
function lateChunk(own: WorkingSource, situation: Situation): number | undefined {
  const { board, size, wantedEnd = board.taken.chunkCount } = situation
  // A chunk that is left to other sources is not late.
  if (nextChunkBefore(wantedEnd, board.taken, undefined) !== undefined) return undefined
  const { pace } = own.source
  const ownMs = expectedMs(pace, pace.bytesOwed + chunkBytesFor(size))
  return chunkToAskAgain(lateElsewhere(own, situation), own.chunksHeld, ownMs)
}

/** What other sources should have sent by now, unless it was requested twice already. */
function lateElsewhere(own: WorkingSource, { board, nowMs }: Situation): Expected[] {
  const late: Expected[] = []
  for (const other of board.sources) {
    const { pace } = other.source
    const named = [...board.requestsOf(other)].filter(({ state }) => state !== 'open')
    let bytesBefore = pace.bytesOwed
    for (const { chunk, bytes, atMs } of named.reverse()) {
      const leftMs = bytesBefore / (pace.bytesPerMs ?? 0)
      bytesBefore = Math.max(1, bytesBefore - bytes)
      if (other === own || nowMs - atMs < deadlines.fetchLookMs) continue
      if (board.requestsFor(chunk).size === 1) late.push({ chunk, leftMs })
    }
  }
  return late
}

function isRequestedFrom(source: WorkingSource, board: Situation['board'], chunk: number): boolean {
  for (const request of board.requestsFor(chunk)) if (request.source === source) return true
  return false
}

function openChunks(requests: Iterable<ChunkRequest<WorkingSource>>): number[] {
  return [...requests].filter(({ state }) => state === 'open').map(({ chunk }) => chunk)
}

/** Whether `source` sends so much more slowly that waiting for `other` is better. */
function isFarSlower(source: WorkingSource, other: WorkingSource): boolean {
  const { bytesPerMs = Number.POSITIVE_INFINITY } = source.source.pace
  return bytesPerMs * limits.slowSourceFactor < (other.source.pace.bytesPerMs ?? 0)
}
