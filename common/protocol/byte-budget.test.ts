import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { deadlines } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { type Account, ByteBudget, budgetCheckMs, budgetStallMs } from './byte-budget.ts'

const options = { bytesMax: 1_000, hardBytesMax: 1_500, ownBytes: 10 }

function budgetWith() {
  const clock = new FakeClock()
  const budget = new ByteBudget(options, { clock })
  const evicted: string[] = []
  const open = (host: string, name = host, stalledMs = (): number => 0): Account =>
    budget.open(host, { stalledMs, evict: () => evicted.push(name) })
  return { clock, budget, evicted, open }
}

async function stateOf(promise: Promise<void> | undefined): Promise<string> {
  if (promise === undefined) return 'there'
  const waiting = Promise.resolve('waits')
  return await Promise.race([
    promise.then(
      () => 'there',
      () => 'refused',
    ),
    waiting,
  ])
}

describe('a budget', () => {
  test('grants a single host half, and leaves a part for another', () => {
    const { open } = budgetWith()
    const first = open('a')
    expect(first.tryTake(500)).toBe(true)
    expect(first.tryTake(20)).toBe(false)
    const second = open('b')
    expect(second.tryTake(250)).toBe(true)
    expect(second.tryTake(20)).toBe(false)
  })

  test('lets a connection with nothing wait for nothing, though its host has used its share', () => {
    const { open } = budgetWith()
    open('a').hold(600)
    const small = open('a')
    expect(small.take(10)).toBeUndefined()
    expect(small.tryTake(1)).toBe(false)
    expect(open('a').take(800)).toBeUndefined()
    expect(open('a').tryTake(200)).toBe(false)
  })

  test('accounts over their share wait until memory is released, in order', async () => {
    const { budget, open } = budgetWith()
    const [holder, one, two] = [open('a'), open('a'), open('a')]
    holder.hold(600)
    one.hold(20)
    two.hold(20)
    const first = one.take(100)
    const second = two.take(50)
    expect([await stateOf(first), await stateOf(second)]).toEqual(['waits', 'waits'])
    expect(budget.waitingCount).toBe(2)
    holder.release(300)
    expect(await stateOf(first)).toBe('waits')
    await first
    await second
    expect(budget.usedBytes).toBe(300 + 20 + 20 + 100 + 50)
  })

  test('accounts that waited too long are rejected with BUSY', async () => {
    const { clock, budget, open } = budgetWith()
    open('a').hold(600)
    const late = open('a')
    late.hold(20)
    const refused = expect(late.take(100)).rejects.toMatchObject({ code: 'BUSY' })
    await clock.advance(deadlines.budgetWaitMs + budgetCheckMs)
    await refused
    expect([budget.waitingCount, clock.pending]).toEqual([0, 0])
  })

  test('stalled holders are disconnected when others wait', async () => {
    const { clock, evicted, open } = budgetWith()
    let stalledMs = 0
    open('a', 'still', () => stalledMs).hold(300)
    open('a', 'busy').hold(310)
    const waiter = open('a', 'waiter')
    waiter.hold(20)
    const granted = waiter.take(100)
    await clock.advance(budgetCheckMs)
    expect(evicted).toEqual([])
    stalledMs = budgetStallMs
    await clock.advance(budgetCheckMs)
    await granted
    expect(evicted).toEqual(['still'])
  })

  test('ends the largest holder of the largest host beyond its hard bound', () => {
    const { budget, evicted, open } = budgetWith()
    open('a', 'small').hold(400)
    open('a', 'large').hold(500)
    open('b', 'other').hold(550)
    open('b', 'late').hold(100)
    expect(evicted).toEqual(['large'])
    expect(budget.usedBytes).toBe(1_050)
  })

  test('a closed account counts nothing, and its wait is rejected', async () => {
    const { budget, open } = budgetWith()
    open('a').hold(600)
    const gone = open('a')
    gone.hold(20)
    const refused = expect(gone.take(100)).rejects.toMatchObject({ code: 'BUSY' })
    gone[Symbol.dispose]()
    await refused
    gone.hold(50)
    gone.release(500)
    expect([budget.usedBytes, budget.waitingCount]).toEqual([600, 0])
    expect(gone.take(1_000)).toBeUndefined()
  })
})

test('for any sequence of takes and releases the limit holds, no wait is endless, and everything is released', async () => {
  // Connections of several hosts take memory, one request at a time, and release it a while after
  // it was granted.
  const steps = fc.array(
    fc.record({
      connection: fc.nat({ max: 19 }),
      // Bytes that each connection may always hold could exceed the hard bound together, as another test shows.
      bytes: fc.integer({ min: options.ownBytes + 1, max: 400 }),
      heldMs: fc.integer({ min: 0, max: 2_000 }),
      pauseMs: fc.integer({ min: 0, max: 300 }),
    }),
    { maxLength: 80 },
  )
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const { clock, budget, evicted, open } = budgetWith()
      const accounts = Array.from({ length: 20 }, (_, i) => open(`host ${i % 4}`, `${i}`))
      const isWaiting = new Set<number>()
      let [asked, settled] = [0, 0]
      for (const { connection, bytes, heldMs, pauseMs } of all) {
        const account = accounts[connection]
        if (account !== undefined && !isWaiting.has(connection)) {
          isWaiting.add(connection)
          asked += 1
          const done = (): void => {
            settled += 1
            isWaiting.delete(connection)
          }
          const taken = (): void => {
            done()
            clock.after(heldMs, () => account.release(bytes))
          }
          const granted = account.take(bytes)
          if (granted === undefined) taken()
          else granted.then(taken, done)
        }
        expect(budget.usedBytes).toBeLessThanOrEqual(options.hardBytesMax)
        await clock.advance(pauseMs)
      }
      await clock.advance(deadlines.budgetWaitMs + 3_000)
      expect(settled).toBe(asked)
      expect([budget.usedBytes, budget.waitingCount, clock.pending]).toEqual([0, 0, 0])
      expect(evicted).toEqual([])
    }),
    { numRuns: 60 },
  )
})
