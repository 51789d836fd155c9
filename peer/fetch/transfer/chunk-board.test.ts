import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { ChunkBoard, type ChunkRequest } from './chunk-board.ts'

interface Source {
  readonly name: string
}

type Board = ChunkBoard<Source>
type Request = ChunkRequest<Source>

const [one, two] = [{ name: 'one' }, { name: 'two' }]

function aBoard(chunkCount = 4, verified: readonly number[] = []): Board {
  const set = new ChunkSet(chunkCount)
  for (const chunk of verified) set.add(chunk)
  const board: Board = new ChunkBoard(set)
  board.addSource(one)
  board.addSource(two)
  return board
}

function ask(board: Board, source: Source, chunk: number, isOpen = false): Request {
  return board.request(source, { chunk, bytes: 1, atMs: 0, isOpen })
}

function takenOf({ taken }: Board): number[] {
  return Array.from({ length: taken.chunkCount }, (_, chunk) => chunk).filter((chunk) =>
    taken.has(chunk),
  )
}

test('a chunk is taken from its request until it is verified, and stays so', () => {
  const board = aBoard(4, [3])
  expect(takenOf(board)).toEqual([3])
  const request = ask(board, one, 0)
  expect([takenOf(board), board.isPresent(0), board.isIdle]).toEqual([[0, 3], false, false])
  board.begin(request, 0)
  board.arrive(request)
  expect([takenOf(board), board.isPresent(0), board.isIdle]).toEqual([[0, 3], true, true])
  board.verify(request)
  expect([takenOf(board), board.missingCount, request.state]).toEqual([[0, 3], 2, 'ended'])
})

test.each(['withdraw', 'reject'] as const)(
  '%s makes a chunk missing again, unless another source is asked for it too',
  (end) => {
    const board = aBoard()
    const [first, second] = [ask(board, one, 1), ask(board, two, 1)]
    for (const request of [first, second]) {
      expect(takenOf(board)).toEqual([1])
      if (end === 'reject') board.arrive(request)
      board[end](request)
    }
    expect(takenOf(board)).toEqual([])
  },
)

test('a chunk that is verified is withdrawn from the others who were asked for it', () => {
  const board = aBoard()
  const [first, second] = [ask(board, one, 1), ask(board, two, 1)]
  board.arrive(first)
  expect(board.verify(first)).toEqual([second])
  expect([...board.requestsOf(two)]).toEqual([])
})

test('a source that leaves has its requests withdrawn, but what arrived from it is still checked', () => {
  const board = aBoard()
  const [arrived, queued] = [ask(board, one, 0), ask(board, one, 1)]
  board.arrive(arrived)
  expect(board.removeSource(one)).toEqual([queued])
  expect(takenOf(board)).toEqual([0])
  board.verify(arrived)
  expect(board.missingCount).toBe(3)
})

describe('an open request', () => {
  test('takes no chunk before its source has chosen one', () => {
    const board = aBoard()
    const open = ask(board, one, 0, true)
    expect(takenOf(board)).toEqual([])
    expect(board.begin(open, 2)).toEqual({ isRepeat: false, withdrawn: [] })
    expect([takenOf(board), open.chunk]).toEqual([[2], 2])
  })

  test('replaces requests for the chosen chunk that are queued, but not those that have begun', () => {
    const board = aBoard()
    const open = ask(board, one, 0, true)
    const queued = ask(board, two, 2)
    expect(board.begin(open, 2)).toEqual({ isRepeat: false, withdrawn: [queued] })
    const openToo = ask(board, two, 0, true)
    expect(board.begin(openToo, 2)).toEqual({ isRepeat: false, withdrawn: [] })
    expect(board.requestsFor(2).size).toBe(2)
  })

  test('is withdrawn when the source chose what this peer has', () => {
    const board = aBoard()
    const open = ask(board, one, 0, true)
    const request = ask(board, two, 1)
    board.arrive(request)
    expect(board.begin(open, 1)).toEqual({ isRepeat: true, withdrawn: [open] })
    board.reject(request)
    expect(takenOf(board)).toEqual([])
  })

  test('is a repeat when its source sends the same chunk already', () => {
    const board = aBoard()
    const [first, second] = [ask(board, one, 0, true), ask(board, one, 1, true)]
    board.begin(first, 1)
    expect(board.begin(second, 1)).toEqual({ isRepeat: true, withdrawn: [] })
  })
})

test('a reserved chunk is requested from no source, and missing again if it cannot be copied', () => {
  const board: Board = new ChunkBoard(new ChunkSet(4))
  board.reserve([1, 2])
  expect([takenOf(board), board.missingCount, board.isPresent(1)]).toEqual([[1, 2], 2, false])
  board.addSource(one)
  expect(() => ask(board, one, 1)).toThrow('reserved')
  board.fill(1)
  board.release(2)
  expect([takenOf(board), board.missingCount, board.isPresent(1)]).toEqual([[1], 3, true])
  board.arrive(ask(board, one, 2))
  expect(() => board.release(2)).toThrow('not reserved')
})

test('what is wrong is refused: a chunk that is present, a source that is unknown, an answer given twice', () => {
  const board = aBoard(4, [3])
  expect(() => ask(board, one, 3)).toThrow('present')
  expect(() => ask(board, { name: 'unknown' }, 0)).toThrow('not added')
  const request = ask(board, one, 0)
  board.arrive(request)
  expect(() => board.arrive(request)).toThrow('already')
  expect(() => board.withdraw(request)).toThrow('already')
  board.verify(request)
  expect(() => board.reject(request)).toThrow('no chunk')
})

/** Throws if the board's indexes disagree with each other or with the chunks known to be verified. */
function checkInvariants(
  board: Board,
  verified: ReadonlySet<number>,
  reserved: ReadonlySet<number>,
  given: readonly Request[],
): void {
  for (let chunk = 0; chunk < board.taken.chunkCount; chunk += 1) {
    const requests = [...board.requestsFor(chunk)]
    const isTaken = verified.has(chunk) || reserved.has(chunk) || requests.length > 0
    expect(board.taken.has(chunk)).toBe(isTaken)
    expect(reserved.has(chunk) && requests.length > 0).toBe(false)
    const hasArrived = requests.some(({ state }) => state === 'arrived')
    expect(board.isPresent(chunk)).toBe(verified.has(chunk) || hasArrived)
    for (const { state } of verified.has(chunk) ? requests : []) expect(state).toBe('arrived')
  }
  for (const request of given) {
    const { source, chunk, state } = request
    const isUnanswered = state === 'open' || state === 'queued' || state === 'receiving'
    const isNamed = state === 'queued' || state === 'receiving' || state === 'arrived'
    expect(board.requestsOf(source).has(request)).toBe(isUnanswered)
    expect(board.requestsFor(chunk).has(request)).toBe(isNamed)
  }
  expect(board.missingCount).toBe(board.taken.chunkCount - verified.size - reserved.size)
}

test('the indexes by chunk and by source agree after any sequence of events', () => {
  const sources = [one, two, { name: 'three' }]
  const events = fc.array(
    fc.record({
      kind: fc.constantFrom(
        'join',
        'leave',
        'request',
        'open',
        'begin',
        'arrive',
        'end',
        'verify',
        'reject',
        'fill',
        'release',
      ),
      place: fc.nat(1_000),
      chunk: fc.nat(5),
    }),
    { maxLength: 100, size: 'max' },
  )
  const property = fc.property(events, fc.subarray([0, 1, 2, 3, 4, 5]), (steps, found) => {
    const board: Board = new ChunkBoard(new ChunkSet(6))
    const verified = new Set<number>()
    const reserved = new Set(found)
    board.reserve(found)
    const given: Request[] = []
    for (const { kind, place, chunk } of steps) {
      const source = sources[place % sources.length]
      const unanswered = given.filter(({ state }) => state !== 'arrived' && state !== 'ended')
      const arrived = given.filter(({ state }) => state === 'arrived')
      const request = unanswered[place % (unanswered.length || 1)]
      const checked = arrived[place % (arrived.length || 1)]
      const isKnown = source !== undefined && board.sources.includes(source)
      if (kind === 'join' && source && !isKnown) board.addSource(source)
      if (kind === 'leave' && source && isKnown) board.removeSource(source)
      const isCopied = (kind === 'fill' || kind === 'release') && reserved.delete(chunk)
      if (isCopied) board[kind](chunk)
      if (isCopied && kind === 'fill') verified.add(chunk)
      if (reserved.has(chunk)) continue
      if ((kind === 'request' || kind === 'open') && isKnown && !board.isPresent(chunk))
        given.push(ask(board, source, chunk, kind === 'open'))
      if (kind === 'begin' && request)
        board.begin(request, request.state === 'open' ? chunk : request.chunk)
      if (kind === 'arrive' && request) board.arrive(request)
      if (kind === 'end' && request) board.withdraw(request)
      if (kind === 'verify' && checked) {
        board.verify(checked)
        verified.add(checked.chunk)
      }
      if (kind === 'reject' && checked) board.reject(checked)
      checkInvariants(board, verified, reserved, given)
    }
    expect(board.isComplete).toBe(verified.size === board.taken.chunkCount)
  })
  fc.assert(property)
})
