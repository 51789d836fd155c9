import { expect, onTestFinished, test } from 'vitest'
import type { Purpose } from '../../common/protocol/messages.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { noLimits } from './grant.ts'
import { TrafficGate } from './traffic-gate.ts'

const infinite = Number.POSITIVE_INFINITY

class World {
  readonly clock = new FakeClock()
  readonly gate: TrafficGate

  constructor({ all = infinite, replication = infinite } = {}) {
    this.gate = new TrafficGate({ all, replication }, this)
    onTestFinished(() => this.gate[Symbol.dispose]())
  }

  /** Sends without end, a part at a time; counts what passed. */
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

test('without limits bytes pass immediately, without a promise or a timer, and are counted', () => {
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

test('downloads come first: replication gets the rest, and never nothing', async () => {
  const world = new World({ all: 1_600_000 })
  const replication = world.stream('replication', 50_000)
  await world.clock.advance(1_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(1_550_000)
  const download = world.stream('download', 50_000)
  const before = replication.bytes
  await world.clock.advance(10_000)
  expect(download.bytes).toBeGreaterThanOrEqual(14_500_000)
  expect(replication.bytes - before).toBeGreaterThanOrEqual(900_000)
  expect(replication.bytes - before).toBeLessThanOrEqual(1_200_000)
  download.stop()
  const then = replication.bytes
  await world.clock.advance(1_000)
  expect(replication.bytes - then).toBeGreaterThanOrEqual(1_500_000)
})

test('without a limit replication gets a share beside downloads, and everything once they are idle', async () => {
  const world = new World()
  const download = world.stream('download', 100_000)
  const replication = world.stream('replication', 100_000)
  await world.clock.advance(10_000)
  expect(download.bytes).toBeGreaterThanOrEqual(990_000_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(download.bytes / 20)
  expect(replication.bytes).toBeLessThanOrEqual(download.bytes / 15)
  download.stop()
  await world.clock.advance(1_500)
  expect(world.gate.pass(1, 'replication')).toBe(undefined)
})

test('the limit of replication does not limit downloads', async () => {
  const world = new World({ all: 1_000_000, replication: 100_000 })
  const download = world.stream()
  const replication = world.stream('replication')
  download.stop()
  await world.clock.advance(10_000)
  expect(replication.bytes).toBeGreaterThanOrEqual(995_000)
  expect(replication.bytes).toBeLessThanOrEqual(1_020_000)
})

test('a changed limit takes effect immediately, also for queued callers', async () => {
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

test('a caller that is aborted leaves the queue and costs the others nothing', async () => {
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

test('disposing rejects queued callers', async () => {
  const world = new World({ all: 50_000, replication: 50_000 })
  await world.gate.pass(1_000_000, 'download')
  const download = world.gate.pass(1, 'download')
  const replication = world.gate.pass(1, 'replication')
  world.gate[Symbol.dispose]()
  const stopping = { code: 'STOPPING' }
  await expect(download).rejects.toMatchObject(stopping)
  await expect(replication).rejects.toMatchObject(stopping)
  await expect(world.gate.pass(1, 'download')).rejects.toMatchObject(stopping)
  expect(world.clock.pending).toBe(0)
})
