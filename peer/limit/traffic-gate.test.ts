import { expect, onTestFinished, test } from 'vitest'
import type { Purpose } from '../../common/protocol/messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { TrafficGate } from './traffic-gate.ts'
import { noLimits } from './turn.ts'

const infinite = Number.POSITIVE_INFINITY

class World {
  readonly clock = new FakeClock()
  readonly gate: TrafficGate

  constructor({ all = infinite, replication = infinite } = {}) {
    this.gate = new TrafficGate({ all, replication }, this)
    onTestFinished(() => this.gate[Symbol.dispose]())
  }

  /** Somebody who sends for ever, a part at a time; tells what passed. */
  stream(purpose: Purpose = 'download', partBytes = 5_000): { bytes: number; stop(): void } {
    const stop = new AbortController()
    const stream = { bytes: 0, stop: () => stop.abort(new Error('stopped')) }
    const run = async (): Promise<void> => {
      for (;;) {
        await this.gate.pass(partBytes, purpose, stop.signal)
        stream.bytes += partBytes
        // As fast as the network would be.
        await this.clock.sleep(1, stop.signal)
      }
    }
    run().catch(() => {})
    onTestFinished(() => stop.abort(new Error('over')))
    return stream
  }
}

test('without limits bytes pass at once, without a promise or a timer, and are counted', () => {
  const { gate, clock } = new World()
  expect(gate.pass(10, 'replication')).toBe(undefined)
  expect(gate.pass(1e9, 'download')).toBe(undefined)
  expect(gate.partBytes('download')).toBe(infinite)
  expect(gate.passedBytes).toEqual({ download: 1e9, replication: 10 })
  expect(clock.pending).toBe(0)
})

test('a limit is kept, and shared equally by connections', async () => {
  const world = new World({ all: 100_000 })
  const streams = [world.stream(), world.stream(), world.stream(), world.stream()]
  await world.clock.advance(10_000)
  expect(world.gate.passedBytes.download).toBeGreaterThanOrEqual(1_000_000)
  expect(world.gate.passedBytes.download).toBeLessThanOrEqual(1_000_000 + 15_000)
  for (const { bytes } of streams) expect(Math.abs(bytes - 250_000)).toBeLessThanOrEqual(5_000)
})

test('people go first: replication gets what they leave, and never nothing', async () => {
  const world = new World({ all: 1_600_000 })
  const replication = world.stream('replication', 50_000)
  await world.clock.advance(1_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(1_550_000)
  const person = world.stream('download', 50_000)
  const before = replication.bytes
  await world.clock.advance(10_000)
  expect(person.bytes).toBeGreaterThanOrEqual(14_500_000)
  expect(replication.bytes - before).toBeGreaterThanOrEqual(900_000)
  expect(replication.bytes - before).toBeLessThanOrEqual(1_200_000)
  person.stop()
  const then = replication.bytes
  await world.clock.advance(1_000)
  expect(replication.bytes - then).toBeGreaterThanOrEqual(1_500_000)
})

test('without a limit replication takes a share beside people, and all when they have gone', async () => {
  const world = new World()
  const person = world.stream('download', 100_000)
  const replication = world.stream('replication', 100_000)
  await world.clock.advance(10_000)
  expect(person.bytes).toBeGreaterThanOrEqual(990_000_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(person.bytes / 20)
  expect(replication.bytes).toBeLessThanOrEqual(person.bytes / 15)
  person.stop()
  await world.clock.advance(1_500)
  expect(world.gate.pass(1, 'replication')).toBe(undefined)
})

test('replication has a limit of its own, which is no limit of people', async () => {
  const world = new World({ all: 1_000_000, replication: 100_000 })
  const person = world.stream()
  const replication = world.stream('replication')
  person.stop()
  await world.clock.advance(10_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(995_000)
  expect(replication.bytes).toBeLessThanOrEqual(1_020_000)
})

test('another limit is felt at once, also by those who wait', async () => {
  const world = new World({ all: 50_000 })
  let hasPassed = false
  await world.gate.pass(1_000_000, 'download')
  const waiting = world.gate.pass(1, 'download')?.then(() => {
    hasPassed = true
  })
  await world.clock.advance(10_000)
  expect(hasPassed).toBe(false)
  world.gate.setRates({ all: 200_000, replication: infinite })
  await waiting
  world.gate.setRates(noLimits)
  expect(world.gate.pass(1, 'download')).toBe(undefined)
  expect(world.clock.pending).toBe(0)
})

test('who gives up leaves the line, and takes nothing from others', async () => {
  const world = new World({ all: 50_000 })
  await world.gate.pass(50_000, 'download')
  const stop = new AbortController()
  const givenUp = world.gate.pass(1_000_000, 'download', stop.signal)
  const other = world.gate.pass(10, 'download')
  stop.abort(new Error('gone'))
  await expect(givenUp).rejects.toThrow('gone')
  await world.clock.advance(1_000)
  await other
  expect(world.gate.passedBytes.download).toBe(50_010)
  await expect(world.gate.pass(1, 'download', stop.signal)).rejects.toThrow('gone')
})

test('disposing ends the waiting', async () => {
  const world = new World({ all: 50_000, replication: 50_000 })
  await world.gate.pass(1_000_000, 'download')
  const person = world.gate.pass(1, 'download')
  const replication = world.gate.pass(1, 'replication')
  world.gate[Symbol.dispose]()
  const stopping = { code: 'STOPPING' }
  await expect(person).rejects.toMatchObject(stopping)
  await expect(replication).rejects.toMatchObject(stopping)
  await expect(world.gate.pass(1, 'download')).rejects.toMatchObject(stopping)
  expect(world.clock.pending).toBe(0)
})
