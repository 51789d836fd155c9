import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { deadlines } from '../../../common/limits.ts'
import type { ChunksHeld } from '../source/chunk-source.ts'
import { ChunkBoard, type ChunkRequest } from './chunk-board.ts'
import { hasRoom, openReadsMax, pickChunk, type Situation } from './chunk-picker.ts'
import { WorkingSource } from './working-source.ts'

const chunkCount = 8
const chunkBytes = 2 ** 20
const everything = chunkSet(chunkCount, Array(chunkCount).keys())

type Board = ChunkBoard<WorkingSource>

function chunkSet(count: number, chunks: Iterable<number>): ChunkSet {
  const set = new ChunkSet(count)
  for (const chunk of chunks) set.add(chunk)
  return set
}

function situationOf(board: Board, change: Partial<Situation> = {}): Situation {
  return {
    size: board.taken.chunkCount * chunkBytes,
    board,
    wantedEnd: undefined,
    hasOneSource: true,
    rankOf: (chunk) => chunk,
    nowMs: 0,
    ...change,
  }
}

/** A source at work on `board` that has `chunksHeld` and sends at that speed. */
function aSource(
  board: Board,
  chunksHeld: ChunksHeld,
  bytesPerMs: number | undefined,
  bytesOwed = 0,
): WorkingSource {
  const source = {
    label: 'source',
    pace: { bytesPerMs, delayMs: 1, bytesOwed },
    chunkList: () => Promise.reject(new Error('no list is asked for')),
    chunksHeld: async () => chunksHeld,
    read: async () => {},
  }
  const working = new WorkingSource(source, chunksHeld, new AbortController().signal)
  board.addSource(working)
  return working
}

/** Requests what was picked, as a transfer does. @returns the request, and the chunks that it may be answered with */
function take(
  board: Board,
  own: WorkingSource,
  situation: Situation,
): { request: ChunkRequest<WorkingSource>; offered: readonly number[] } | undefined {
  const picked = hasRoom(own, situation) ? pickChunk(own, situation) : undefined
  if (picked === undefined) return undefined
  const { chunk, or, insteadOf } = picked
  if (insteadOf !== undefined) board.withdraw(insteadOf)
  const asked = { chunk, bytes: chunkBytes, atMs: situation.nowMs, isOpen: or.length > 0 }
  return { request: board.request(own, asked), offered: [chunk, ...or] }
}

test.each([
  ['as fast', 1_000, true],
  ['of unknown speed', undefined, true],
  ['far slower', 100, false],
])('a source that has all leaves chunks to a peer that is %s', (_, bytesPerMs, isLeft) => {
  const board: Board = new ChunkBoard(new ChunkSet(chunkCount))
  const whole = aSource(board, undefined, 1_000)
  const partial = aSource(board, everything, bytesPerMs)
  expect(pickChunk(whole, situationOf(board)) === undefined).toBe(isLeft)
  // What is queued at the whole source is taken over by such a peer alone.
  const queued = board.request(whole, { chunk: 0, bytes: 1, atMs: 0, isOpen: false })
  expect(pickChunk(partial, situationOf(board))?.insteadOf).toBe(isLeft ? queued : undefined)
})

test('what has begun elsewhere, or has arrived from a third source, is not taken over', () => {
  const board: Board = new ChunkBoard(new ChunkSet(chunkCount))
  const whole = aSource(board, undefined, 1_000)
  const partial = aSource(board, chunkSet(chunkCount, [0, 1]), 1_000)
  const third = aSource(board, undefined, 1_000)
  const asked = { bytes: 1, atMs: 0, isOpen: false }
  board.begin(board.request(whole, { ...asked, chunk: 0 }), 0)
  board.request(whole, { ...asked, chunk: 1 })
  board.arrive(board.request(third, { ...asked, chunk: 1 }))
  expect(pickChunk(partial, situationOf(board))).toBe(undefined)
})

test('what a source was asked for already is not taken over by it', () => {
  const board: Board = new ChunkBoard(new ChunkSet(1))
  const whole = aSource(board, undefined, 1_000)
  const partial = aSource(board, chunkSet(1, [0]), 1_000)
  for (const source of [whole, partial])
    board.request(source, { chunk: 0, bytes: 1, atMs: 0, isOpen: false })
  expect(pickChunk(partial, situationOf(board))).toBe(undefined)
})

describe('a chunk that another source should have sent by now', () => {
  const { fetchLookMs } = deadlines
  const asked = { bytes: chunkBytes, atMs: 0, isOpen: false }

  /** A slow source that owes as many chunks as the content has, and a fast one that has them all. */
  function slowAndFast(chunks: number) {
    const board: Board = new ChunkBoard(new ChunkSet(chunks))
    const slow = aSource(board, undefined, 10, chunks * chunkBytes)
    const fast = aSource(board, undefined, 1_000)
    return { board, slow, fast }
  }

  test('is requested from a faster one: the chunk that would arrive last, and once only', () => {
    const { board, slow, fast } = slowAndFast(3)
    for (const chunk of [1, 0, 2]) board.request(slow, { ...asked, chunk })
    const late = situationOf(board, { nowMs: fetchLookMs })
    expect(pickChunk(fast, late)).toEqual({ chunk: 2, or: [] })
    board.request(fast, { ...asked, chunk: 2 })
    expect(pickChunk(fast, late)).toEqual({ chunk: 0, or: [] })
  })

  test('is given a moment', () => {
    const { board, slow, fast } = slowAndFast(1)
    board.request(slow, { ...asked, chunk: 0 })
    const early = situationOf(board, { nowMs: fetchLookMs - 1 })
    expect(pickChunk(fast, early)).toBe(undefined)
  })

  test('is not requested from a slower one, nor while another chunk is free', () => {
    const { board, slow, fast } = slowAndFast(2)
    board.begin(board.request(slow, { ...asked, chunk: 0 }), 0)
    const late = situationOf(board, { nowMs: fetchLookMs })
    expect(pickChunk(fast, late)?.chunk).toBe(1)
    const partial = aSource(board, chunkSet(2, [0]), 1e6)
    expect(pickChunk(partial, late)).toBe(undefined)
    board.request(fast, { ...asked, chunk: 1 })
    expect(pickChunk(slow, late)).toBe(undefined)
    expect(pickChunk(partial, late)?.chunk).toBe(0)
  })
})

test('each read of the only source begins with another chunk, and certain ones wait for open ones', () => {
  const board: Board = new ChunkBoard(new ChunkSet(chunkCount))
  const whole = aSource(board, undefined, undefined)
  const asked: number[] = []
  while (asked.length < openReadsMax) {
    const picked = pickChunk(whole, situationOf(board))
    expect(picked?.or.length).toBeGreaterThan(0)
    const chunk = picked?.chunk ?? -1
    board.request(whole, { chunk, isOpen: true, bytes: 1, atMs: 0 })
    asked.push(chunk)
  }
  expect(asked).toEqual([0, 1])
  expect(hasRoom(whole, situationOf(board))).toBe(false)
  // With a second source that has all it would be asked for a certain one.
  aSource(board, undefined, undefined)
  expect(pickChunk(whole, situationOf(board))).toBe(undefined)
})

type Event = 'request' | 'begin' | 'arrive' | 'verify' | 'fail'

/** Lets events happen to the sources at work on a board; `place` says to which. */
function eventsOn(board: Board, working: readonly WorkingSource[]) {
  const offered = new Map<ChunkRequest<WorkingSource>, readonly number[]>()
  let nowMs = 0

  const oneOf = <T>(list: readonly T[], place: number): T | undefined => list[place % list.length]
  const arrived = (): ChunkRequest<WorkingSource>[] =>
    Array.from({ length: board.taken.chunkCount }, (_, chunk) => [...board.requestsFor(chunk)])
      .flat()
      .filter(({ state }) => state === 'arrived')

  return (event: Event, place: number): void => {
    nowMs += 500
    const own = oneOf(working, place)
    if (own === undefined) return
    const request = oneOf([...board.requestsOf(own)], place)
    const checked = oneOf(arrived(), place)
    if (event === 'request') {
      const taken = take(board, own, situationOf(board, { nowMs }))
      if (taken !== undefined) offered.set(taken.request, taken.offered)
    } else if (event === 'begin' && request !== undefined) {
      const choice = request.state === 'open' ? (offered.get(request) ?? []) : []
      board.begin(request, oneOf(choice, place) ?? request.chunk)
    } else if (event === 'arrive' && request !== undefined) board.arrive(request)
    else if (event === 'verify' && checked !== undefined) board.verify(checked)
    else if (event === 'fail' && checked !== undefined) board.reject(checked)
    else if (event === 'fail' && request !== undefined) board.withdraw(request)
  }
}

test('whatever sources have, send, choose and fail with, each chunk that one of them has is verified', () => {
  const count = fc.integer({ min: 1, max: 24 })
  const held = fc.option(fc.array(fc.boolean(), { maxLength: 24 }), { nil: undefined })
  const source = fc.record({ held, bytesPerMs: fc.constantFrom(undefined, 10, 1_000) })
  const sources = fc.array(source, { minLength: 1, maxLength: 5 })
  const event = fc.constantFrom<Event>('request', 'request', 'begin', 'arrive', 'verify', 'fail')
  const events = fc.array(fc.tuple(event, fc.nat(1_000)), { maxLength: 200, size: 'max' })
  const property = fc.property(count, sources, events, (chunks, some, steps) => {
    const board: Board = new ChunkBoard(new ChunkSet(chunks))
    const working = some.map((one) => {
      const have = one.held?.flatMap((has, chunk) => (has && chunk < chunks ? chunk : []))
      return aSource(board, have && chunkSet(chunks, have), one.bytesPerMs)
    })
    const happen = eventsOn(board, working)
    for (const [what, place] of steps) happen(what, place)
    for (let round = 0; round < 20 * chunks + 200; round += 1)
      for (const what of ['request', 'begin', 'arrive', 'verify'] as const) happen(what, round)
    const all = [...Array(chunks).keys()]
    const had = all.filter((chunk) => working.some((one) => one.chunksHeld?.has(chunk) !== false))
    expect(board.missingCount).toBe(chunks - had.length)
  })
  fc.assert(property)
})
