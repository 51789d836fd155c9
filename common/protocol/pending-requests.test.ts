import { expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { BulkSink } from './bulk.ts'
import { PendingRequests } from './pending-requests.ts'

/** The requests of one side, and the ids of sent ones. */
function requests() {
  const clock = new FakeClock()
  const pending = new PendingRequests(clock)
  const sent: number[] = []
  const withdrawn: number[] = []
  const ask = (options: { deadlineMs?: number; signal?: AbortSignal; into?: BulkSink } = {}) =>
    pending.add(
      { type: 'read', deadlineMs: 1_000, ...options },
      { send: (id) => sent.push(id), cancel: (id) => withdrawn.push(id) },
    )
  return { clock, pending, sent, withdrawn, ask }
}

const timedOut = { code: 'DEADLINE_EXCEEDED' }

test('a deadline runs while a request is queued, and a cancelled one is never sent', async () => {
  const { clock, pending, sent, ask } = requests()
  const first = Array.from({ length: limits.requestsInFlightMax }, () => ask({ deadlineMs: 9_000 }))
  const late = expect(ask()).rejects.toMatchObject(timedOut)
  const stop = new AbortController()
  const cancelled = expect(ask({ signal: stop.signal })).rejects.toThrow('enough')
  const patient = ask({ deadlineMs: 9_000 })
  stop.abort(new Error('enough'))
  await clock.advance(1_000)
  await Promise.all([late, cancelled])
  pending.onReply(1, 'first', 0)
  expect(await first[0]).toEqual({ body: 'first', bytes: 0 })
  expect(sent.length).toBe(limits.requestsInFlightMax + 1)
  pending.onReply(sent.at(-1) ?? 0, 'patient', 0)
  expect(await patient).toEqual({ body: 'patient', bytes: 0 })
  const ended = Promise.allSettled(first)
  pending.failAll(() => new AppError('CONNECTION_CLOSED'))
  await ended
  expect(clock.pending).toBe(0)
})

test('a request that was given up keeps its room until its answer has passed by', async () => {
  const { clock, pending, sent, ask } = requests()
  const abandoned = Array.from({ length: limits.requestsInFlightMax }, () =>
    expect(ask()).rejects.toMatchObject(timedOut),
  )
  await clock.advance(1_000)
  await Promise.all(abandoned)
  const next = ask()
  expect(sent.length).toBe(limits.requestsInFlightMax)
  expect(pending.onReply(1, 'too late', 0)).toBe(true)
  expect(sent.at(-1)).toBe(limits.requestsInFlightMax + 1)
  pending.onReply(limits.requestsInFlightMax + 1, 'in time', 0)
  expect(await next).toEqual({ body: 'in time', bytes: 0 })
})

test('a slow sink is not a stall, a silent sender after it is', async () => {
  const { clock, pending, ask } = requests()
  const written = Promise.withResolvers<void>()
  const asked = ask({ into: { begin: () => {}, write: () => written.promise } })
  const failed = expect(asked).rejects.toMatchObject(timedOut)
  pending.onReply(1, {}, 2)
  const taken = pending.onPiece(Buffer.from('a'), false)
  let hasFailed = false
  asked.catch(() => {
    hasFailed = true
  })
  await clock.advance(3 * deadlines.bulkStallMs)
  expect(hasFailed).toBe(false)
  written.resolve()
  await taken
  await clock.advance(deadlines.bulkStallMs - 1)
  expect(hasFailed).toBe(false)
  await clock.advance(deadlines.bulkStallMs)
  await failed
})

test('bytes of a cancelled request are skipped but reported, and the next answer is accepted', async () => {
  const { pending, ask } = requests()
  const stop = new AbortController()
  const pieces: string[] = []
  const held = Promise.withResolvers<void>()
  const skipped: number[] = []
  const into: BulkSink = {
    begin: () => {},
    write: (piece) => void pieces.push(String(piece)),
    skip: (bytes) => {
      skipped.push(bytes)
      return held.promise
    },
  }
  const cancelled = expect(ask({ into, signal: stop.signal })).rejects.toThrow('enough')
  pending.onReply(1, {}, 3)
  stop.abort(new Error('enough'))
  await cancelled
  // Nothing more is read before.
  expect(pending.onPiece(Buffer.from('aa'), false)).toBe(held.promise)
  held.resolve()
  await pending.onPiece(Buffer.from('b'), true)
  expect(pieces).toEqual([])
  expect(skipped).toEqual([2, 1])
  const next = ask()
  pending.onReply(2, 'next', 0)
  expect(await next).toEqual({ body: 'next', bytes: 0 })
})

test('bytes for a request that expects none belong to no request', () => {
  const { pending, ask } = requests()
  ask().catch(() => {})
  expect(pending.onReply(1, {}, 1)).toBe(false)
  expect(pending.onReply(1, {}, 0)).toBe(true)
})

test('giving up cancels a sent request, unless its answer has begun to arrive', async () => {
  const { clock, pending, withdrawn, ask } = requests()
  const stop = new AbortController()
  const into: BulkSink = { begin: () => {}, write: () => {} }
  const given = [ask({ into, signal: stop.signal }), ask({ signal: stop.signal })]
  const refused = expect(ask({ signal: stop.signal })).rejects.toMatchObject({ code: 'CANCELLED' })
  pending.onReply(1, {}, 10)
  pending.onError(3, new AppError('CANCELLED', { what: 'It' }))
  const late = expect(ask()).rejects.toMatchObject(timedOut)
  stop.abort(new Error('enough'))
  for (const one of given) await expect(one).rejects.toThrow('enough')
  await clock.advance(1_000)
  await Promise.all([late, refused])
  expect(withdrawn).toEqual([2, 4])
})
