import { describe, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import { bulkOf, connectionPair, sha256 } from '../testing/connection-pair.ts'
import { silentLog } from '../testing/silent-log.ts'
import { BufferSink } from './bulk.ts'
import { connect } from './client.ts'
import { protocolVersion } from './messages.ts'

describe('a request', () => {
  test('is answered', async () => {
    await using two = await connectionPair()
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })

  test('that the handler refuses carries its error across', async () => {
    await using two = await connectionPair({
      chunks: async () => {
        throw new AppError('CONTENT_NOT_FOUND', { sha256 })
      },
    })
    await expect(two.client.request('chunks', { sha256 })).rejects.toMatchObject({
      code: 'CONTENT_NOT_FOUND',
      message: `There is no content with the SHA-256 ${sha256}.`,
    })
    expect(two.client.isOpen).toBe(true)
  })

  test('that makes the handler fail reveals no internals', async () => {
    await using two = await connectionPair({
      chunks: () => Promise.reject(new Error('secret path /x')),
    })
    const failure = two.client.request('chunks', { sha256 })
    await expect(failure).rejects.toMatchObject({ code: 'INTERNAL', details: {} })
  })

  test('of a type that the role does not answer leaves the door open', async () => {
    await using two = await connectionPair()
    await expect(two.client.request('lookup', { name: 'x' })).rejects.toMatchObject({
      code: 'UNKNOWN_TYPE',
    })
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })

  test('that does not match its schema says where', async () => {
    await using two = await connectionPair()
    await expect(two.client.request('chunks', { sha256: 'short' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      details: { path: '/sha256' },
    })
  })

  test('gets its own answer even if others overtake it', async () => {
    const slow = Promise.withResolvers<void>()
    await using two = await connectionPair({
      chunks: async ({ sha256: asked }) => {
        if (asked.startsWith('0')) await slow.promise
        return { size: asked.startsWith('0') ? 0 : 9, count: 1 }
      },
    })
    const first = two.client.request('chunks', { sha256: '0'.repeat(64) })
    const second = await two.client.request('chunks', { sha256: '9'.repeat(64) })
    slow.resolve()
    expect([(await first).size, second.size]).toEqual([0, 9])
  })

  test('without an answer ends at its deadline, and a late answer is skipped', async () => {
    const slow = Promise.withResolvers<void>()
    await using two = await connectionPair({
      read: async () => {
        await slow.promise
        return { reply: {}, bulk: bulkOf('late') }
      },
    })
    const into = new BufferSink(100)
    const late = two.client.request('read', { sha256, chunk: 0 }, { into, deadlineMs: 50 })
    const failed = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await two.clock.advance(50)
    await failed
    slow.resolve()
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
    expect(into.received.length).toBe(0)
  })

  test('that was cancelled rejects with the reason', async () => {
    await using two = await connectionPair({ chunks: () => new Promise(() => {}) })
    const cancel = new AbortController()
    const asked = two.client.request('chunks', { sha256 }, { signal: cancel.signal })
    const reason = new Error('no longer needed')
    cancel.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('that was cancelled ends the work of the handler, and its room is free again', async () => {
    const ended: unknown[] = []
    await using two = await connectionPair({
      chunks: (_, __, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => {
            ended.push((signal.reason as AppError).code)
            reject(signal.reason as Error)
          })
        }),
    })
    for (let i = 0; i < 2 * limits.requestsInFlightMax; i += 1) {
      const cancel = new AbortController()
      const asked = two.client.request('chunks', { sha256 }, { signal: cancel.signal })
      cancel.abort(new Error('no longer needed'))
      await expect(asked).rejects.toThrow('no longer needed')
      await two.clock.advance(0)
    }
    expect(ended).toEqual(Array.from({ length: 2 * limits.requestsInFlightMax }, () => 'CANCELLED'))
    expect(two.client.isOpen).toBe(true)
  })

  test('beyond the number in flight is queued', async () => {
    const gate = Promise.withResolvers<void>()
    let running = 0
    let runningMax = 0
    await using two = await connectionPair({
      chunks: async () => {
        runningMax = Math.max(runningMax, ++running)
        await gate.promise
        running -= 1
        return { size: 1, count: 1 }
      },
    })
    const count = 2 * limits.requestsInFlightMax + 5
    const all = Array.from({ length: count }, () => two.client.request('chunks', { sha256 }))
    await two.clock.advance(0)
    expect(runningMax).toBe(limits.requestsInFlightMax)
    gate.resolve()
    expect(await Promise.all(all)).toHaveLength(count)
  })
})

describe('a connection', () => {
  test('that ends fails unanswered requests, and notifies the server', async () => {
    await using two = await connectionPair({ chunks: () => new Promise(() => {}) })
    const asked = two.client.request('chunks', { sha256 })
    const failed = expect(asked).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    two.atServer?.destroy()
    await failed
    await two.client.closed
    await two.clock.advance(0)
    expect(two.closedSessions).toEqual(['session'])
    await expect(two.client.request('chunks', { sha256 })).rejects.toMatchObject({
      code: 'CONNECTION_CLOSED',
    })
  })

  test('closes gracefully: pending requests are answered first', async () => {
    const gate = Promise.withResolvers<void>()
    await using two = await connectionPair({
      chunks: async () => {
        await gate.promise
        return { size: 7, count: 1 }
      },
    })
    const asked = two.client.request('chunks', { sha256 })
    await two.clock.advance(0)
    const closing = two.server[Symbol.asyncDispose]()
    await two.clock.advance(0)
    gate.resolve()
    expect((await asked).size).toBe(7)
    await closing
  })

  test('closes after its deadline even when an answer never comes', async () => {
    await using two = await connectionPair({ chunks: () => new Promise(() => {}) })
    const asked = two.client.request('chunks', { sha256 })
    const failed = expect(asked).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    await two.clock.advance(0)
    const closing = two.server[Symbol.asyncDispose]()
    await two.clock.advance(deadlines.closeMs)
    await Promise.all([failed, closing])
  })

  test('over the bound is turned away with a reason', async () => {
    await using two = await connectionPair()
    await using second = await two.dial()
    await expect(two.dial()).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' })
    expect(second.isOpen).toBe(true)
  })

  test('without any traffic is closed', async () => {
    await using two = await connectionPair()
    await two.clock.advance(deadlines.connectionIdleMs)
    await two.client.closed
    expect(two.server.connectionCount).toBe(0)
  })

  test('to another role fails', async () => {
    await using two = await connectionPair()
    const dialled = connect(
      {
        transport: two.transport,
        address: two.server.address,
        role: 'index',
        hello: { role: 'client' },
      },
      { clock: two.clock, log: silentLog },
    )
    await expect(dialled).rejects.toMatchObject({ code: 'BAD_REPLY' })
    expect(protocolVersion).toBe('tandem/1')
  })
})
