import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { deadlines } from '../../common/limits.ts'
import type { Content } from '../../common/protocol/messages.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { FetchingTeller, tellAgainMs } from './fetching-teller.ts'

/** A teller, what it told on which connection, and the connections that it has. */
function aTeller() {
  const clock = new FakeClock()
  const unfinished = { contents: [] as Content[], changes: new WakeUp() }
  const told: string[] = []
  const onClosed: (() => void)[] = []
  let connections = 0
  const signals = new Set<AbortSignal>()
  let refusals = 0
  const connected = async () => {
    connections += 1
    const number = connections
    return {
      request: (async (_: string, { contents }: { contents: Content[] }, { signal }) => {
        signals.add(signal)
        if (refusals-- > 0) throw new Error('not now')
        told.push(`${number}: ${contents.map(({ size }) => size).join()}`)
        return {}
      }) as (_: string, __: object, options: { signal: AbortSignal }) => Promise<unknown>,
      onClosed: (callback: () => void) => void onClosed.push(callback),
    }
  }
  const teller = FetchingTeller.start({
    unfinished,
    connected: connected as never,
    clock,
    log: silentLog,
  })
  return {
    clock,
    teller,
    told,
    signals,
    close: () => onClosed.at(-1)?.(),
    refuse: () => {
      refusals = 1
    },
    fetch: async (...sizes: number[]): Promise<void> => {
      unfinished.contents = sizes.map((size) => aContent(size).content)
      unfinished.changes.notify()
      await clock.advance(deadlines.announceGroupMs)
    },
  }
}

test('each change is reported once, and everything again on a new connection', async () => {
  const { clock, teller, told, fetch, close } = aTeller()
  await clock.advance(0)
  expect(told).toEqual([])
  await fetch(1)
  await fetch(1, 2)
  await fetch(1, 2)
  close()
  await clock.advance(deadlines.announceGroupMs)
  await fetch()
  expect(told).toEqual(['1: 1', '1: 1,2', '2: 1,2', '2: '])
  await teller[Symbol.asyncDispose]()
  expect(clock.pending).toBe(0)
})

test('a refused report is retried later', async () => {
  const { clock, teller, told, fetch, refuse } = aTeller()
  refuse()
  await fetch(1)
  expect(told).toEqual([])
  await clock.advance(tellAgainMs)
  expect(told).toEqual(['2: 1'])
  await teller[Symbol.asyncDispose]()
})

test('many changes leave no listeners behind', async () => {
  const { teller, signals, fetch } = aTeller()
  for (let size = 1; size <= 50; size += 1) await fetch(size)
  const [signal] = signals
  expect(signals.size).toBe(1)
  expect(signal && getEventListeners(signal, 'abort').length).toBeLessThan(3)
  await teller[Symbol.asyncDispose]()
})
