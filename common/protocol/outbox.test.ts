import { Writable } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { type Account, unboundedAccount } from './byte-budget.ts'
import { Outbox } from './outbox.ts'

/** An outbox whose stream accepts a write by `accept`, and the writes so far. */
function outboxWith(
  accept: (done: () => void) => void,
  account: Account = unboundedAccount,
): { outbox: Outbox; stream: Writable; writes: number[]; clock: FakeClock } {
  const writes: number[] = []
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      writes.push(chunk.length)
      accept(done)
    },
  })
  stream.on('error', () => {})
  const clock = new FakeClock()
  return {
    outbox: new Outbox(stream, { clock, account, onBytesSent: () => {} }),
    stream,
    writes,
    clock,
  }
}

const frame = Buffer.alloc(100)

test('a frame that is accepted a moment later, as by TLS, takes one write and no memory', async () => {
  let heldBytes = 0
  const account = { ...unboundedAccount, hold: (bytes: number) => void (heldBytes += bytes) }
  const { outbox, writes } = outboxWith((done) => setImmediate(done), account)
  for (let count = 0; count < 3; count += 1) {
    outbox.sendNow(frame)
    await turn()
  }
  await outbox.flushed()
  expect(writes).toEqual([100, 100, 100])
  expect(heldBytes).toBe(0)
})

test('a short frame that is never accepted holds memory and ends the connection', async () => {
  let heldBytes = 0
  const account = { ...unboundedAccount, hold: (bytes: number) => void (heldBytes += bytes) }
  const { outbox, stream, clock } = outboxWith(() => {}, account)
  outbox.send(frame)
  await turn()
  await turn()
  expect(heldBytes).toBe(100)
  await clock.advance(60_000)
  expect(stream.destroyed).toBe(true)
})

test('flushed waits for a frame that is not accepted yet', async () => {
  let isFlushed = false
  const waiting: (() => void)[] = []
  let accept = (done: () => void): void => void waiting.push(done)
  const { outbox } = outboxWith((done) => accept(done))
  outbox.send(frame)
  const flushed = outbox.flushed().then(() => (isFlushed = true))
  await turn()
  expect(isFlushed).toBe(false)
  accept = (done) => done()
  for (const done of waiting) done()
  await flushed
})
