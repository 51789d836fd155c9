import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { CopyVerdict, ReadableCopy, ReadOptions } from './scrub-copies.ts'
import { Scrubber } from './scrubber.ts'

const dayMs = 86_400_000
const mebibyte = 1024 * 1024

interface FakeCopy extends ReadableCopy {
  readonly chunks: number
  verdict: CopyVerdict
}

/** Copies of one or several chunks of 1 MiB, and what was read of them. */
class World {
  readonly clock = new FakeClock()
  readonly copies: FakeCopy[] = []
  readonly read: string[] = []
  peoplesBytes = 0
  bytesPerSecondMax = 50_000_000
  readonly path: string
  /** Resolves when the bytes of a chunk arrive from the disk. */
  disk = Promise.resolve()

  constructor(folder: string) {
    this.path = join(folder, '.tandem', 'scrub.json')
  }

  add(name: string, chunks = 1): FakeCopy {
    const seq = this.copies.length + 1
    const copy = {
      seq,
      name,
      chunks,
      path: name,
      folder: 'shared' as const,
      verdict: 'good' as const,
    }
    this.copies.push(copy)
    return copy
  }

  async open(days = 30): Promise<Scrubber> {
    const { clock, copies } = this
    const scrubber = await Scrubber.open(
      { path: this.path, days },
      {
        clock,
        log: silentLog,
        peoplesBytes: () => this.peoplesBytes,
        bytesPerSecondMax: () => this.bytesPerSecondMax,
        copies: {
          ready: Promise.resolve(),
          get lastSeq() {
            return copies.at(-1)?.seq ?? 0
          },
          get amount() {
            const bytes = copies.reduce((sum, { chunks }) => sum + chunks * mebibyte, 0)
            return { bytes, files: copies.length }
          },
          next: (afterSeq, lastSeq) => copies.find(({ seq }) => seq > afterSeq && seq <= lastSeq),
          read: (copy, options) => this.#read(copy.path, options),
        },
      },
    )
    onTestFinished(async () => await scrubber[Symbol.asyncDispose]())
    await clock.advance(0)
    return scrubber
  }

  async #read(path: string, { fromChunk = 0, pace, signal }: ReadOptions): Promise<CopyVerdict> {
    const copy = this.copies.find((one) => one.path === path)
    if (copy === undefined || copy.verdict === 'away') return copy?.verdict ?? 'changed'
    for (let chunk = fromChunk; chunk < copy.chunks; chunk += 1) {
      signal.throwIfAborted()
      this.read.push(`${path}${chunk}`)
      await this.disk
      await pace(mebibyte, chunk + 1)
    }
    return copy.verdict
  }

  /** Lets time pass in steps, as a peer would live through it. */
  async pass(ms: number, steps = 100): Promise<void> {
    for (let step = 0; step < steps; step += 1) await this.clock.advance(ms / steps)
  }
}

async function aWorld(): Promise<World> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return new World(folder.path)
}

test('a pass over all copies takes its days, and the next one begins when it should', async () => {
  const world = await aWorld()
  for (let number = 0; number < 30; number += 1) world.add(`f${number}.`)
  const scrubber = await world.open()
  await world.pass(15 * dayMs, 3_000)
  expect(world.read.length).toBeGreaterThan(13)
  expect(world.read.length).toBeLessThan(18)
  expect(scrubber.status).toMatchObject({ state: 'running', pass: { totalFiles: 30, bad: 0 } })
  await world.pass(16 * dayMs, 3_000)
  expect(scrubber.status.last).toMatchObject({ files: 30, bytes: 30 * mebibyte, bad: 0 })
  expect(world.read.slice(0, 30)).toEqual(world.copies.map(({ name }) => `${name}0`))
})

test('a pass that a user asks for reads at the limit, and yields to people', async () => {
  const world = await aWorld()
  world.bytesPerSecondMax = 16 * mebibyte
  for (let number = 0; number < 64; number += 1) world.add(`f${number}.`)
  world.copies.forEach((copy) =>
    Object.assign(copy, { verdict: copy.seq % 32 === 0 ? 'bad' : 'good' }),
  )
  const scrubber = await world.open(0)
  expect(scrubber.status.state).toBe('off')
  await scrubber.startNow()
  await world.pass(2_000)
  expect(world.read.length).toBeGreaterThan(28)
  expect(world.read.length).toBeLessThan(42)
  const before = world.read.length
  for (let step = 0; step < 20; step += 1) {
    world.peoplesBytes += 10 * mebibyte
    await world.clock.advance(100)
  }
  // A step of what it owes may still be at the fast rate.
  expect(world.read.length - before).toBeLessThan(16)
  await world.pass(10_000)
  expect(scrubber.status).toMatchObject({ state: 'off', last: { files: 64, bad: 2 } })
  expect(scrubber.counts).toEqual({ bytes: 64 * mebibyte, bad: 2 })
})

test('it goes on where it was after a crash, also within a file, and is stored rarely', async () => {
  const world = await aWorld()
  world.add('a')
  world.add('big', 1_000)
  world.add('z')
  world.bytesPerSecondMax = mebibyte
  const scrubber = await world.open(0)
  await scrubber.startNow()
  await world.pass(500_000, 5_000)
  const saved = async (): Promise<{ afterSeq: number; chunks: number }> =>
    (
      JSON.parse(await readFile(world.path, 'utf8')) as {
        pass: { afterSeq: number; chunks: number }
      }
    ).pass
  await expect.poll(async () => (await saved()).chunks).toBeGreaterThan(400)
  const { afterSeq, chunks } = await saved()
  expect(afterSeq).toBe(1)
  // Another process on the same folder, as after `kill -9`: the first one says nothing at its end.
  const again = new World(join(world.path, '../..'))
  again.copies.push(...world.copies)
  again.bytesPerSecondMax = mebibyte
  await again.open(0)
  await again.pass(1_000)
  // What the first process was storing meanwhile may have come later.
  const first = Number(again.read[0]?.replace('big', ''))
  expect(first).toBeGreaterThanOrEqual(chunks)
  expect(first).toBeLessThan(1_000)
  await again.pass(1_000_000, 5_000)
  expect(again.read.at(-1)).toBe('z0')
})

test('paused it reads nothing, also after a restart; resumed it goes on', async () => {
  const world = await aWorld()
  for (let number = 0; number < 20; number += 1) world.add(`f${number}.`)
  let scrubber = await world.open()
  await scrubber.startNow()
  world.bytesPerSecondMax = mebibyte
  await world.pass(5_000)
  await scrubber.setPaused(true)
  expect(scrubber.status.state).toBe('paused')
  await world.pass(1_000)
  const read = world.read.length
  expect(read).toBeGreaterThan(2)
  expect(read).toBeLessThan(20)
  await world.pass(dayMs)
  expect(world.read).toHaveLength(read)
  await scrubber[Symbol.asyncDispose]()
  scrubber = await world.open()
  await world.pass(dayMs)
  expect([scrubber.status.state, world.read.length]).toEqual(['paused', read])
  await scrubber.setPaused(false)
  await world.pass(40 * dayMs, 4_000)
  expect(new Set(world.read).size).toBe(20)
})

test('a disk that is away holds the pass until it returns', async () => {
  const world = await aWorld()
  const [, away] = [world.add('a'), world.add('b'), world.add('c')]
  away.verdict = 'away'
  const scrubber = await world.open(0)
  await scrubber.startNow()
  await world.pass(600_000)
  expect(world.read).toEqual(['a0'])
  expect(scrubber.status.waitingFor).toContain('shared/')
  away.verdict = 'good'
  await world.pass(120_000)
  expect(world.read).toEqual(['a0', 'b0', 'c0'])
  expect(scrubber.status.waitingFor).toBe(undefined)
})

test('copies that a user names are read immediately, one check at a time', async () => {
  const world = await aWorld()
  for (const name of ['a/1', 'a/2', 'b/1', 'b/2']) world.add(name)
  world.copies.forEach((copy) =>
    Object.assign(copy, { verdict: copy.name === 'a/2' ? 'bad' : 'good' }),
  )
  const { checks } = await world.open(0)
  const { id } = checks.start('a/**')
  const all = checks.start('**/1')
  await world.pass(1_000)
  expect(await checks.wait(id, 0)).toMatchObject({
    state: 'done',
    files: 2,
    bad: 1,
    listed: [{ name: 'a/2', verdict: 'bad' }],
  })
  expect(await checks.wait(all.id, 0)).toMatchObject({ state: 'done', files: 2, bad: 0 })
  expect(world.read).toEqual(['a/10', 'a/20', 'a/10', 'b/10'])
  await expect(checks.wait('check9', 0)).rejects.toMatchObject({ code: 'CHECK_NOT_FOUND' })
})

test('after a restart, another copy than the one that was being read is read from its start', async () => {
  const world = await aWorld()
  const big = world.add('big', 100)
  world.add('next', 2)
  world.bytesPerSecondMax = mebibyte
  const first = await world.open(0)
  await first.startNow()
  await world.pass(10_000)
  await first[Symbol.asyncDispose]()
  world.copies.splice(world.copies.indexOf(big), 1)
  world.read.length = 0
  await world.open(0)
  await world.pass(10_000)
  expect(world.read).toEqual(['next0', 'next1'])
})

test('a pass that takes the place of another during a reading begins with the first chunk', async () => {
  const world = await aWorld()
  world.add('a', 3)
  const disk = Promise.withResolvers<void>()
  world.disk = disk.promise
  const scrubber = await world.open()
  await scrubber.startNow()
  disk.resolve()
  await world.pass(10_000)
  expect(world.read).toEqual(['a0', 'a0', 'a1', 'a2'])
  expect(scrubber.status.last).toMatchObject({ bytes: 3 * mebibyte, files: 1 })
})
