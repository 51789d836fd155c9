import { Writable } from 'node:stream'
import { expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { Answers } from './answers.ts'
import { unboundedAccount } from './byte-budget.ts'
import { EncodedReply } from './encoded-reply.ts'
import { FrameDecoder } from './framing.ts'
import type { RawAnswer } from './handlers.ts'
import { Outbox } from './outbox.ts'

type Run = () => RawAnswer | Promise<RawAnswer>

/** Answers one turn's requests, `runs`; returns the frames of each write. */
async function writesOf(runs: readonly Run[]): Promise<unknown[][]> {
  const writes: Buffer[] = []
  const stream = new Writable({
    write(chunk: Buffer, _, done) {
      writes.push(chunk)
      done()
    },
  })
  const clock = new FakeClock()
  const account = unboundedAccount
  const outbox = new Outbox(stream, { clock, account, onBytesSent: () => {} })
  let at = 0
  const dispatch = () => {
    const run = runs[at++]
    if (run === undefined) throw new Error('no more requests')
    return { bytes: 0, replyBytes: 0, isQuick: true, run }
  }
  const answers = new Answers({ dispatch, outbox, account, log: silentLog })
  for (const index of runs.keys())
    expect(answers.onRequest({ id: index + 1, type: 'lookup', body: {} }, 10)).toBeUndefined()
  await answers.finish()
  await outbox.flushed()
  return writes.map(framesOf)
}

function framesOf(bytes: Buffer): unknown[] {
  const decoder = new FrameDecoder()
  const frames: unknown[] = []
  decoder.push(bytes)
  for (let found = decoder.next(); found !== undefined; found = decoder.next())
    if (found.kind === 'frame') frames.push(JSON.parse(found.body.toString()))
  return frames
}

test('quick answers of one turn are sent in one write, in order', async () => {
  const writes = await writesOf([
    () => ({ reply: { size: 1 } }),
    () => ({ reply: new EncodedReply('{"contents":["ü"]}') }),
    () => {
      throw new AppError('NAME_NOT_FOUND', { name: 'x' })
    },
  ])
  expect(writes).toMatchObject([
    [
      { re: 1, body: { size: 1 } },
      { re: 2, body: { contents: ['ü'] } },
      { re: 3, error: { code: 'NAME_NOT_FOUND' } },
    ],
  ])
})

test('a quick answer that waits is sent when it is there, also if it is an error', async () => {
  const writes = await writesOf([
    async () => ({ reply: new EncodedReply('{"contents":[]}') }),
    () => Promise.reject(new Error('secret')),
    () => ({ reply: { size: 3 } }),
  ])
  expect(writes.flat()).toMatchObject([
    { re: 3, body: { size: 3 } },
    { re: 1, body: { contents: [] } },
    { re: 2, error: { code: 'INTERNAL', details: {} } },
  ])
})
