import { expect, test } from 'vitest'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { limits } from '../../../common/limits.ts'
import { seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import type { ChunksHeld } from '../source/chunk-source.ts'
import { ChunkPicker } from './chunk-picker.ts'
import { type Lane, laneOf } from './lane.ts'

const chunkCount = 8
const size = chunkCount * 2 ** 20
const everything = new ChunkSet(chunkCount)
for (let chunk = 0; chunk < chunkCount; chunk += 1) everything.add(chunk)

function aPicker(): ChunkPicker {
  const options = { size, taken: new ChunkSet(chunkCount), hasOneSource: true }
  const dependencies = { clock: new FakeClock(), random: seededRandom('picker') }
  return new ChunkPicker(
    { ...options, wantedEnd: () => undefined, isHere: () => false },
    dependencies,
  )
}

/** A source at work that has what `chunksHeld` says, and sends so fast. */
function aLane(chunksHeld: ChunksHeld, bytesPerMs: number | undefined): Lane {
  const source = {
    label: 'source',
    pace: { bytesPerMs, delayMs: 1, bytesOwed: 0 },
    chunkList: () => Promise.reject(new Error('nobody asks')),
    chunksHeld: async () => chunksHeld,
    read: async () => {},
  }
  return laneOf(source, chunksHeld, new AbortController().signal)
}

test.each([
  ['as fast', 1_000, true],
  ['of unknown speed', undefined, true],
  ['far slower', 100, false],
])('a source that has all leaves chunks to a peer that is %s', (_, bytesPerMs, isLeft) => {
  const picker = aPicker()
  const [whole, partial] = [aLane(undefined, 1_000), aLane(everything, bytesPerMs)]
  const lanes = [whole, partial]
  expect(picker.free(whole, lanes) === undefined).toBe(isLeft)
  // What stands in line there is taken over by such a peer alone.
  const stop = new AbortController()
  const ask = { chunk: 0, isOpen: false, bytes: 1, atMs: 0, stop, hasBegun: false }
  whole.asks.add(ask)
  expect(picker.inLineElsewhere(partial, lanes)?.ask).toBe(isLeft ? ask : undefined)
})

test('each read of the only source begins with another chunk, and certain ones wait for open ones', () => {
  const picker = aPicker()
  const whole = aLane(undefined, undefined)
  const asked: number[] = []
  while (asked.length < limits.openReadsMax) {
    const wanted = picker.free(whole, [whole])
    expect(wanted?.or.length).toBeGreaterThan(0)
    const chunk = wanted?.chunk ?? -1
    const stop = new AbortController()
    whole.asks.add({ chunk, isOpen: true, bytes: 1, atMs: 0, stop, hasBegun: false })
    asked.push(chunk)
  }
  expect(asked).toEqual([0, 1])
  expect(picker.hasRoom(whole)).toBe(false)
  // With a second source that has all it would be asked for a certain one.
  const lanes = [whole, aLane(undefined, undefined)]
  expect(picker.free(whole, lanes)).toBe(undefined)
})
