import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { Connection } from './connection.ts'
import { requestFrame } from './envelope.ts'
import { LongFrames } from './long-frames.ts'
import { wireOf } from './transport.ts'

const long = 100_000

test('one long frame is handled per turn, in order of arrival; short ones do not wait', async () => {
  const turns: (() => void)[] = []
  const frames = new LongFrames((callback) => turns.push(callback))
  const begun: string[] = []
  expect(frames.begin(long)).toBeUndefined()
  const wait = async (name: string): Promise<void> => {
    await frames.begin(long)
    begun.push(name)
  }
  const waits = ['a', 'b'].map(wait)
  expect(frames.begin(1_000)).toBeUndefined()
  for (const expected of [['a'], ['a', 'b'], ['a', 'b']]) {
    turns.shift()?.()
    await Promise.resolve()
    expect([...begun]).toEqual(expected)
  }
  expect(turns).toEqual([])
  expect(frames.begin(long)).toBeUndefined()
  await Promise.all(waits)
})

test('work that can wait is done after some of them, and immediately without them', async () => {
  const turns: (() => void)[] = []
  const frames = new LongFrames((callback) => turns.push(callback))
  await frames.pause()
  for (let count = 0; count < 3; count += 1) void frames.begin(long)?.catch(() => {})
  let isPaused = true
  const pausing = frames.pause().then(() => (isPaused = false))
  for (let count = 0; count < 4; count += 1) await turn()
  expect(isPaused).toBe(true)
  // They never get their turn.
  await pausing
  expect(isPaused).toBe(false)
})

test('long requests of several connections take turns, and each is answered in order', async () => {
  const longFrames = new LongFrames()
  const handled: string[] = []
  const open = (name: string) => {
    const [near, far] = duplexPair()
    const dispatch = (type: string) => ({
      bytes: 0,
      replyBytes: 0,
      isQuick: true,
      run: () => {
        handled.push(`${name} ${type}`)
        return { reply: {} }
      },
    })
    const wire = wireOf(far)
    const connection = new Connection(
      { remote: { host: '127.0.0.1', port: 1 } },
      { wire, dispatch, clock: new FakeClock(), log: silentLog, longFrames },
    )
    near.resume()
    return { near, connection }
  }
  const opened = ['a', 'b', 'c'].map(open)
  const text = 'x'.repeat(long)
  for (const { near } of opened)
    near.write(
      Buffer.concat([
        requestFrame(1, 'announce', { text }),
        requestFrame(2, 'announce', { text }),
        requestFrame(3, 'lookup', {}),
      ]),
    )
  const longPerTurn: number[] = []
  while (handled.length < 9) {
    const before = handled.filter((one) => one.includes('announce')).length
    await turn()
    longPerTurn.push(handled.filter((one) => one.includes('announce')).length - before)
  }
  expect(Math.max(...longPerTurn)).toBeLessThanOrEqual(1)
  for (const name of ['a', 'b', 'c'])
    expect(handled.filter((one) => one.startsWith(name))).toEqual(
      ['announce', 'announce', 'lookup'].map((type) => `${name} ${type}`),
    )
  for (const { connection } of opened) connection.destroy()
})
