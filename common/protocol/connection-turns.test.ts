import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { Connection } from './connection.ts'
import { requestFrame } from './envelope.ts'
import { wireOf } from './transport.ts'

test('a connection that sends many requests lets others have a turn in between', async () => {
  const [near, far] = duplexPair()
  let answered = 0
  const dispatch = () => ({
    bytes: 0,
    replyBytes: 0,
    isQuick: true,
    run: () => {
      answered += 1
      return { reply: {} }
    },
  })
  const connection = new Connection(
    { remote: { host: '127.0.0.1', port: 1 } },
    { wire: wireOf(far), dispatch, clock: new FakeClock(), log: silentLog },
  )
  near.resume()
  const count = 3 * limits.framesPerTurn
  const frames = Array.from({ length: count }, (_, at) => requestFrame(at + 1, 'lookup', {}))
  near.write(Buffer.concat(frames))
  const answeredInTurn: number[] = []
  while (answered < count) {
    const before = answered
    await turn()
    answeredInTurn.push(answered - before)
  }
  expect(Math.max(...answeredInTurn)).toBe(limits.framesPerTurn)
  connection.destroy()
})
