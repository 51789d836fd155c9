import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { limits } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { Connection } from './connection.ts'
import { replyFrame, requestFrame } from './envelope.ts'
import { FrameDecoder } from './framing.ts'
import type { RawAnswer } from './handlers.ts'
import type { Shortcut } from './shortcut.ts'
import { wireOf } from './transport.ts'

/** A reply of this many characters. */
interface Asked {
  readonly isShort: boolean
  readonly size: number
}

/** Answers requests of the type `short`, counting them. */
class CountingShortcut implements Shortcut {
  isAllowed = true
  readonly counts: number[] = []

  isOpen(): boolean {
    return this.isAllowed
  }

  answer(...[frame, reply, mayTake]: Parameters<Shortcut['answer']>): number {
    const { id, type, body } = JSON.parse(frame.bytes.toString('utf8', frame.start, frame.end)) as {
      id: number
      type: string
      body: Asked
    }
    if (type !== 'short' || !mayTake(id)) return reply.at
    return (
      reply.at + replyFrame(id, { by: 'shortcut', ...textOf(body) }).copy(reply.bytes, reply.at)
    )
  }

  onAnswered(count: number): void {
    this.counts.push(count)
  }
}

function textOf({ size }: Asked): { text: string } {
  return { text: 'x'.repeat(size) }
}

function aConnection(shortcut: Shortcut) {
  const [near, far] = duplexPair()
  const waiting: ((answer: RawAnswer) => void)[] = []
  const dispatch = (type: string, body: unknown) => ({
    bytes: 0,
    replyBytes: 0,
    isQuick: true,
    run: () =>
      type === 'wait'
        ? new Promise<RawAnswer>((resolve) => waiting.push(resolve))
        : { reply: { by: 'handler', ...textOf(body as Asked) } },
  })
  const connection = new Connection(
    { remote: { host: '127.0.0.1', port: 1 } },
    { wire: wireOf(far), dispatch, clock: new FakeClock(), log: silentLog },
  )
  connection.shortcut = shortcut
  const decoder = new FrameDecoder()
  const replies: { re: number; body: { by: string }; error?: { code: string } }[] = []
  near.on('data', (bytes: Buffer) => {
    decoder.push(bytes)
    for (let found = decoder.next(); found !== undefined; found = decoder.next())
      if (found.kind === 'frame') replies.push(JSON.parse(found.body.toString()) as never)
  })
  return { connection, near, replies, waiting }
}

test('however requests are cut, those of the shortcut and all others are answered once, in order', async () => {
  const asked = fc.record({ isShort: fc.boolean(), size: fc.nat(20_000) })
  const requests = fc.array(asked, { minLength: 1, maxLength: 200 })
  const cuts = fc.array(fc.integer({ min: 1, max: 3_000 }))
  await fc.assert(
    fc.asyncProperty(requests, cuts, async (all, sizes) => {
      const { connection, near, replies } = aConnection(new CountingShortcut())
      const frames = all.map((one, at) =>
        requestFrame(at + 1, one.isShort ? 'short' : 'lookup', one),
      )
      const stream = Buffer.concat(frames)
      let start = 0
      for (const size of [...sizes, stream.length]) {
        near.write(stream.subarray(start, start + size))
        start += size
      }
      while (replies.length < all.length) await turn()
      // A request that arrives in parts is the handler's.
      const by = all.map(({ isShort }) => (isShort ? ['shortcut', 'handler'] : ['handler']))
      const texts = all.map((one, at) => ({ re: at + 1, body: textOf(one) }))
      expect(replies).toMatchObject(texts)
      expect(replies.filter(({ body }, at) => by[at]?.includes(body.by) !== true)).toEqual([])
      connection.destroy()
    }),
    { numRuns: 30 },
  )
})

test('a shortcut answers no more in one turn than handlers do', async () => {
  const shortcut = new CountingShortcut()
  const { connection, near, replies } = aConnection(shortcut)
  const count = 3 * limits.framesPerTurn
  const ask = (at: number): Buffer => requestFrame(at + 1, 'short', { size: 1 })
  near.write(Buffer.concat(Array.from({ length: count }, (_, at) => ask(at))))
  while (replies.length < count) await turn()
  expect(shortcut.counts).toEqual([1, 1, 1].map(() => limits.framesPerTurn))
  connection.destroy()
})

test('a closed shortcut, and an id in use, leave requests to the handlers', async () => {
  const shortcut = new CountingShortcut()
  const { connection, near, replies, waiting } = aConnection(shortcut)
  shortcut.isAllowed = false
  near.write(requestFrame(1, 'short', { size: 1 }))
  while (replies.length < 1) await turn()
  expect(replies).toMatchObject([{ re: 1, body: { by: 'handler' } }])
  shortcut.isAllowed = true
  near.write(Buffer.concat([requestFrame(2, 'wait', {}), requestFrame(3, 'short', { size: 1 })]))
  while (replies.length < 2) await turn()
  expect(replies[1]).toMatchObject({ re: 3, body: { by: 'shortcut' } })
  near.write(requestFrame(2, 'short', { size: 1 }))
  while (replies.length < 3) await turn()
  expect(replies[2]).toMatchObject({ re: 0, error: { code: 'BAD_FRAME' } })
  expect(waiting).toHaveLength(1)
  connection.destroy()
})
