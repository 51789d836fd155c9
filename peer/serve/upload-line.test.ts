import { expect, test } from 'vitest'
import { deadlines, limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { UploadLine } from './upload-line.ts'

const never = new AbortController().signal
const { uploadsAtOnceMin } = limits

/** A line, and reads of one content that enter it. */
function aLine() {
  const clock = new FakeClock()
  const line = new UploadLine({ clock })
  const turns: { peer: string; chunk: number; turn: Disposable }[] = []
  const enter = async (peer: string, chunk: number, signal = never): Promise<void> => {
    const turn = await line.enter(
      { sha256: 'a', chunk, count: 1 },
      { id: peer, host: peer },
      signal,
    )
    turns.push({ peer, chunk, turn })
  }
  return { clock, line, turns, enter }
}

/** One whose slots are all taken by reads of chunk 0. */
async function aFullLine() {
  const world = aLine()
  const ended = new AbortController()
  for (let slot = 0; slot < uploadsAtOnceMin; slot += 1)
    await world.enter('greedy', 0, ended.signal)
  return { ...world, ended, taken: world.turns.splice(0) }
}

test('what was sent in an earlier swarm is forgotten', async () => {
  const { clock, line, enter, turns } = aLine()
  const choose = async (peer: string): Promise<number> => {
    const wanted = { sha256: 'a', chunk: 0, count: 1, or: [1] }
    using turn = await line.enter(wanted, { id: peer, host: peer }, never)
    return turn.chunk
  }
  for (const chunk of [0, 0]) await enter('early', chunk)
  for (const { turn } of turns) turn[Symbol.dispose]()
  expect(await choose('p1')).toBe(1)
  await clock.advance(deadlines.sendCountsMs + 1)
  await enter('late', 1)
  expect(await choose('p2')).toBe(0)
})

test('one host that says it is many peers fills a part of the line only', async () => {
  const { line } = await aFullLine()
  const enter = (id: string, host: string): Promise<unknown> =>
    line.enter({ sha256: 'a', chunk: 1, count: 1 }, { id, host }, never)
  const { uploadsWaitingPerHostMax: max } = limits
  const waiting = Array.from({ length: max }, (_, number) => enter(`p${number}`, 'one'))
  await expect(enter('another', 'one')).rejects.toMatchObject({ code: 'BUSY' })
  waiting.push(enter('another', 'two'))
  expect(line.length).toBe(max + 1)
})

test('so many have their turn at once; the next has it when one is over, once', async () => {
  const { clock, line, turns, enter, taken } = await aFullLine()
  // Not so fast that more are let in.
  await clock.advance(deadlines.uploadFastMs)
  const late = [enter('p1', 1), enter('p2', 2)]
  expect(line.length).toBe(2)
  taken[0]?.turn[Symbol.dispose]()
  taken[0]?.turn[Symbol.dispose]()
  await late[0]
  expect(turns.map(({ peer }) => peer)).toEqual(['p1'])
  taken[1]?.turn[Symbol.dispose]()
  await late[1]
  expect(line.length).toBe(0)
})

test('chunks that were not sent yet go first', async () => {
  const { turns, enter, taken } = await aFullLine()
  const peer = 'p1'
  const all = [enter(peer, 0), enter(peer, 1), enter(peer, 1), enter(peer, 2)]
  for (const { turn } of taken) turn[Symbol.dispose]()
  await Promise.all(all)
  expect(turns.map(({ chunk }) => chunk)).toEqual([1, 2, 1, 0])
})

test('who leaves the choice to the source is sent what it has sent the fewest times', async () => {
  const { line, taken } = await aFullLine()
  const offer = { sha256: 'a', chunk: 0, count: 1, or: [1, 2] }
  const turns = ['p1', 'p2', 'p3', 'p4'].map((peer) =>
    line.enter(offer, { id: peer, host: peer }, never),
  )
  for (const { turn } of taken) turn[Symbol.dispose]()
  const chosen = await Promise.all(turns)
  // Chunk 0 was sent to the greedy one; of those sent once the one that was asked for first comes next.
  expect(chosen.map(({ chunk }) => chunk)).toEqual([1, 2, 1, 2])
})

test('a read that is withdrawn leaves the line, and so do those of a connection that ended', async () => {
  const { clock, line, enter, taken, ended } = await aFullLine()
  const stop = new AbortController()
  const withdrawn = expect(enter('greedy', 1, stop.signal)).rejects.toThrow('enough')
  stop.abort(new Error('enough'))
  await withdrawn
  expect(line.length).toBe(0)
  ended.abort(new Error('its connection ended'))
  const others = taken.map((_, chunk) => enter('p1', chunk))
  await Promise.all(others)
  expect(clock.pending).toBe(uploadsAtOnceMin)
})

test('a receiver that takes its bytes slowly keeps nobody waiting', async () => {
  const { clock, line, enter } = await aFullLine()
  const others = Array.from({ length: uploadsAtOnceMin }, () => enter('p1', 1))
  expect(line.length).toBe(uploadsAtOnceMin)
  await clock.advance(deadlines.uploadTurnMs)
  await Promise.all(others)
})

test('a line that is too long, or does not move in time, answers that it is busy', async () => {
  const { clock, line, enter } = await aFullLine()
  const peer = 'p1'
  const busy = { code: 'BUSY', retryable: true }
  const stop = new AbortController()
  const waiting = Array.from({ length: limits.uploadsWaitingPerPeerMax }, () =>
    expect(enter(peer, 1, stop.signal)).rejects.toThrow('end'),
  )
  await expect(enter(peer, 1)).rejects.toMatchObject(busy)
  expect(line.length).toBe(limits.uploadsWaitingPerPeerMax)
  stop.abort(new Error('end'))
  await Promise.all(waiting)

  const blocked = aLine()
  for (let slot = 0; slot < uploadsAtOnceMin; slot += 1) await blocked.enter(peer, slot)
  // Turns that are over by time are taken by others that are as slow.
  const later = Array.from({ length: limits.uploadsWaitingPerPeerMax }, () =>
    blocked.enter(peer, 1).then(
      () => 'served',
      (error: unknown) => (error as { code?: string }).code,
    ),
  )
  await blocked.clock.advance(deadlines.uploadLineMs)
  const outcomes = await Promise.all(later)
  expect(new Set(outcomes)).toEqual(new Set(['served', 'BUSY']))
  await clock.advance(0)
})
