/** What to request from a source next: policy, without any state of its own. */
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkBytesFor, chunkCountFor } from '../../../common/content/chunks.ts'
import { limits } from '../../../common/limits.ts'
import type { ChunksHeld, Pace } from '../source/chunk-source.ts'

/** Missing chunks, from the first on, among which a download chooses the rarest. */
export const swarmWindowChunks = 256
/** Chunks of one fetch in flight or being verified: 50 ms at 1 Gbit/s from each of two sources. */
export const fetchWindowBytes = 16 * 1024 * 1024
/** Chunks requested from one source at a time: 1 Gbit/s over 100 ms of latency. */
export const readsPerSourceMax = 12

/** What is known when a chunk is chosen for a source. */
export interface Choice {
  /** The chunks that are verified or requested. */
  readonly taken: Pick<ChunkSet, 'firstMissing'>
  /** What this source has. */
  readonly own: ChunksHeld
  /** What each source that lacks some has. */
  readonly partial: readonly ChunkSet[]
  /**
   * Those among them that can be asked for more now: a source that has all chunks leaves them what they
   * have.
   */
  readonly idle?: readonly ChunkSet[]
  /** Which of two equally rare chunks comes first: the one with the lower rank. */
  readonly rankOf?: (chunk: number) => number
}

/**
 * The chunks to request from a source, the best first; none when it has none that is free: those that
 * the fewest sources have, of the next `swarmWindowChunks`. Equally rare ones are ordered by rank or,
 * without ranks, from the front, because disks read ahead and the content's own hash is computed from
 * the front.
 */
export function nextChunks(choice: Choice): number[] {
  const { taken, own, partial, idle = [], rankOf } = choice
  let rarest: number[] = []
  let fewest = Number.POSITIVE_INFINITY
  let left: number = swarmWindowChunks
  for (
    let chunk = taken.firstMissing();
    chunk !== undefined && (left > 0 || rarest.length === 0);
    chunk = taken.firstMissing(chunk + 1)
  ) {
    left -= 1
    if (own?.has(chunk) === false) continue
    if (own === undefined && holdersOf(chunk, idle) > 0) continue
    const holders = holdersOf(chunk, partial)
    if (holders < fewest) rarest = []
    if (holders <= fewest) rarest.push(chunk)
    fewest = Math.min(fewest, holders)
  }
  return rankOf === undefined ? rarest : rarest.toSorted((a, b) => rankOf(a) - rankOf(b))
}

/** Ranks chunks in a pseudorandom order that depends on the seed. */
export function ranksFrom(seed: number): (chunk: number) => number {
  return (chunk) => {
    // The finalizer of MurmurHash3: each bit of the input changes half of the output's.
    let bits = (chunk + 1 + seed) | 0
    bits = Math.imul(bits ^ (bits >>> 16), 0x85ebca6b)
    bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35)
    return (bits ^ (bits >>> 16)) >>> 0
  }
}

/**
 * The chunk to request from a source when the content is read in order: the first that it has.
 * @param end no chunk from this one on is wanted yet
 */
export function nextChunkBefore(
  end: number,
  taken: Pick<ChunkSet, 'firstMissing'>,
  own: ChunksHeld,
): number | undefined {
  let chunk = taken.firstMissing()
  while (chunk !== undefined && chunk < end && own?.has(chunk) === false)
    chunk = taken.firstMissing(chunk + 1)
  return chunk === undefined || chunk >= end ? undefined : chunk
}

function holdersOf(chunk: number, partial: readonly ChunkSet[]): number {
  let holders = 0
  for (const set of partial) if (set.has(chunk)) holders += 1
  return holders
}

/** A chunk that was requested from exactly one source, and when it is expected to be complete. */
export interface Expected {
  readonly chunk: number
  readonly leftMs: number
}

/**
 * The chunk to request a second time when no other is left, or undefined when waiting is better: the
 * one that would arrive last, provided that this source needs less than half of that time.
 * @param elsewhere chunks requested from other sources, once
 * @param ownMs the time in which this source would send a chunk
 */
export function chunkToAskAgain(
  elsewhere: Iterable<Expected>,
  own: ChunksHeld,
  ownMs: number,
): number | undefined {
  let last: Expected | undefined
  for (const expected of elsewhere)
    if (own?.has(expected.chunk) !== false && expected.leftMs > (last?.leftMs ?? 2 * ownMs))
      last = expected
  return last?.chunk
}

/**
 * The number of chunks of a content of `size` bytes that may be requested or being checked: as many as
 * fit the window, at least one.
 */
export function chunksAtOnceFor(size: number): number {
  const windowChunks = Math.floor(fetchWindowBytes / chunkBytesFor(size))
  return Math.min(chunkCountFor(size), Math.max(1, windowChunks))
}

/** Time at the source, on top of the network's, from a request to its first byte: reading the disk. */
const serviceMs = 20

/**
 * The number of chunks to request from a source simultaneously: what arrives while a request travels,
 * and the one that is arriving.
 */
export function readsInFlightFor({ bytesPerMs = 0, delayMs }: Pace, chunkBytes: number): number {
  const onTheWay = Math.ceil((bytesPerMs * (delayMs + serviceMs)) / chunkBytes)
  return Math.min(readsPerSourceMax, Math.max(limits.readsPerSourceMin, 1 + onTheWay))
}

/** The time in which `bytes` will have arrived; infinite for a source that has stopped. */
export function expectedMs({ bytesPerMs, delayMs }: Pace, bytes: number): number {
  // An unknown source is worth a try.
  return bytesPerMs === undefined ? delayMs : delayMs + bytes / bytesPerMs
}
