import { describe, expect, test } from 'vitest'
import { AppError } from '../errors.ts'
import { deadlines, limits } from '../limits.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { MemoryTransport } from '../testing/memory-transport.ts'
import { silentLog } from '../testing/silent-log.ts'
import { BufferSink, type BulkSource, FixedBufferSink } from './bulk.ts'
import { connect } from './client.ts'
import type { Connection } from './connection.ts'
import { requestFrame } from './envelope.ts'
import type { Handlers } from './handlers.ts'
import { protocolVersion, type RequestOf } from './messages.ts'
import { startServer } from './server.ts'

const sha256 = 'ab'.repeat(32)
type PeerHandlers = Handlers<'peer' | 'client', 'peer', string>

const plainHandlers: PeerHandlers = {
  'chunk-list': async () => ({ reply: { size: 1, chunkRoot: sha256 }, bulk: bulkOf('list') }),
  chunks: async () => ({ size: 1, count: 1 }),
  read: async ({ chunk }) => ({ reply: {}, bulk: bulkOf(`chunk ${chunk}`) }),
  'read-many': async () => ({ reply: { contents: [{ size: 5 }] }, bulk: bulkOf('whole') }),
}

function bulkOf(...pieces: string[]): BulkSource {
  const buffers = pieces.map((piece) => Buffer.from(piece))
  return { bytes: buffers.reduce((sum, piece) => sum + piece.length, 0), pieces: buffers }
}

/** A server with these handlers, and a client connected to it. */
async function pair(handlers: Partial<PeerHandlers> = {}) {
  const clock = new FakeClock()
  const transport = new MemoryTransport()
  const closedSessions: string[] = []
  let atServer: Connection | undefined
  const server = await startServer<'peer', string>(
    { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 2 },
    {
      transport,
      clock,
      log: silentLog,
      handlers: { ...plainHandlers, ...handlers },
      welcome: async (_: RequestOf<'hello'>, connection) => {
        atServer = connection
        return { reply: { peerId: 'server' }, session: 'session' }
      },
      onClosed: (session) => closedSessions.push(session),
    },
  )
  const dial = async (): Promise<Connection> => {
    const options = { transport, address: server.address, role: 'peer' as const }
    const { connection } = await connect(
      { ...options, hello: { role: 'client' as const } },
      { clock, log: silentLog },
    )
    return connection
  }
  const client = await dial()
  return {
    clock,
    transport,
    server,
    client,
    dial,
    closedSessions,
    get atServer() {
      return atServer
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}

describe('a request', () => {
  test('is answered', async () => {
    await using two = await pair()
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })

  test('that the handler refuses carries its error across', async () => {
    await using two = await pair({
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

  test('that makes the handler fail tells nothing of the inside', async () => {
    await using two = await pair({ chunks: () => Promise.reject(new Error('secret path /x')) })
    const failure = two.client.request('chunks', { sha256 })
    await expect(failure).rejects.toMatchObject({ code: 'INTERNAL', details: {} })
  })

  test('of a type that the role does not answer leaves the door open', async () => {
    await using two = await pair()
    await expect(two.client.request('lookup', { name: 'x' })).rejects.toMatchObject({
      code: 'UNKNOWN_TYPE',
    })
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })

  test('that does not fit its schema says where', async () => {
    await using two = await pair()
    await expect(two.client.request('chunks', { sha256: 'short' })).rejects.toMatchObject({
      code: 'BAD_REQUEST',
      details: { path: '/sha256' },
    })
  })

  test('gets its own answer though others overtake it', async () => {
    const slow = Promise.withResolvers<void>()
    await using two = await pair({
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

  test('without an answer ends at its deadline, and a late answer disturbs nobody', async () => {
    const slow = Promise.withResolvers<void>()
    await using two = await pair({
      read: async () => {
        await slow.promise
        return { reply: {}, bulk: bulkOf('late') }
      },
    })
    const into = new BufferSink(100)
    const late = two.client.request(
      'read',
      { sha256, chunk: 0, count: 1 },
      { into, deadlineMs: 50 },
    )
    const failed = expect(late).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await two.clock.advance(50)
    await failed
    slow.resolve()
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
    expect(into.received.length).toBe(0)
  })

  test('that was cancelled rejects with the reason', async () => {
    await using two = await pair({ chunks: () => new Promise(() => {}) })
    const cancel = new AbortController()
    const asked = two.client.request('chunks', { sha256 }, { signal: cancel.signal })
    const reason = new Error('no longer needed')
    cancel.abort(reason)
    await expect(asked).rejects.toBe(reason)
  })

  test('that was cancelled ends the work of the handler, and its room is free again', async () => {
    const ended: unknown[] = []
    await using two = await pair({
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

  test('beyond the number in flight waits its turn', async () => {
    const gate = Promise.withResolvers<void>()
    let running = 0
    let runningMax = 0
    await using two = await pair({
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

describe('bulk', () => {
  test('arrives whole, each after its own reply', async () => {
    await using two = await pair()
    const sinks = [0, 1, 2].map(() => new BufferSink(100))
    const results = await Promise.all(
      sinks.map((into, chunk) => two.client.request('read', { sha256, chunk, count: 1 }, { into })),
    )
    expect(results.map((result) => result.bytes)).toEqual([7, 7, 7])
    expect(sinks.map((sink) => sink.received.toString())).toEqual(['chunk 0', 'chunk 1', 'chunk 2'])
  })

  test('waits for a slow sink before it takes the next piece', async () => {
    const pieces = Array.from({ length: 64 }, () => Buffer.alloc(1 << 16))
    let given = 0
    const source = {
      bytes: 64 << 16,
      async *[Symbol.asyncIterator]() {
        for (const piece of pieces) {
          given += 1
          yield piece
        }
      },
    }
    await using two = await pair({
      read: async () => ({ reply: {}, bulk: { bytes: source.bytes, pieces: source } }),
    })
    const gate = Promise.withResolvers<void>()
    const into = { begin: () => {}, write: () => gate.promise }
    const read = two.client.request('read', { sha256, chunk: 0, count: 1 }, { into })
    await two.clock.advance(1)
    expect(given).toBeLessThan(10)
    gate.resolve()
    expect((await read).bytes).toBe(source.bytes)
  })

  test('that the sink refuses is skipped', async () => {
    await using two = await pair()
    const into = new FixedBufferSink(Buffer.alloc(3))
    const read = two.client.request('read', { sha256, chunk: 0, count: 1 }, { into })
    await expect(read).rejects.toMatchObject({ code: 'TOO_LARGE' })
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })

  test('whose source breaks off breaks the connection, and says so', async () => {
    await using two = await pair({
      read: async () => ({ reply: {}, bulk: { bytes: 10, pieces: [Buffer.from('four')] } }),
    })
    const into = new BufferSink(100)
    const read = two.client.request('read', { sha256, chunk: 0, count: 1 }, { into })
    await expect(read).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(two.client.isOpen).toBe(false)
  })

  test('that is asked for and never read is not taken from its source', async () => {
    const asked: number[] = []
    const given: number[] = []
    function* pieces(chunk: number): Generator<Buffer> {
      given.push(chunk)
      yield Buffer.alloc(1 << 20)
    }
    await using two = await pair({
      read: async ({ chunk }) => {
        asked.push(chunk)
        return { reply: {}, bulk: { bytes: 1 << 20, pieces: pieces(chunk) } }
      },
    })
    const { stream } = await two.transport.dial(two.server.address, {})
    stream.on('error', () => {})
    stream.pause()
    const hello = { protocol: protocolVersion, role: 'client' }
    stream.write(requestFrame(1, 'hello', hello))
    for (let round = 0; round < 20; round++) {
      const ids = Array.from({ length: 32 }, (_, place) => 2 + round * 32 + place)
      const frames = ids.map((id) => requestFrame(id, 'read', { sha256, chunk: id, count: 1 }))
      stream.write(Buffer.concat(frames))
      await two.clock.advance(0)
    }
    expect(given.length).toBe(1)
    expect(asked.length).toBeLessThanOrEqual(
      limits.sendQueueItemsMax + 2 * limits.requestsInFlightMax,
    )
    stream.destroy()
  })

  test('that is withdrawn while it stands in line is not taken from its source', async () => {
    const held = Promise.withResolvers<void>()
    const given: number[] = []
    async function* pieces(chunk: number): AsyncGenerator<Buffer> {
      given.push(chunk)
      if (chunk === 0) await held.promise
      yield Buffer.from('four')
    }
    await using two = await pair({
      read: async ({ chunk }) => ({ reply: {}, bulk: { bytes: 4, pieces: pieces(chunk) } }),
    })
    const read = async (chunk: number, signal?: AbortSignal): Promise<string> => {
      const into = new BufferSink(100)
      await two.client.request('read', { sha256, chunk, count: 1 }, { into, signal })
      return into.received.toString()
    }
    const cancel = new AbortController()
    const [first, second, third] = [read(0), read(1, cancel.signal), read(2)]
    await two.clock.advance(0)
    cancel.abort(new Error('no longer needed'))
    await expect(second).rejects.toThrow('no longer needed')
    await two.clock.advance(0)
    held.resolve()
    expect([await first, await third]).toEqual(['four', 'four'])
    expect(given).toEqual([0, 2])
  })

  test('that is held back is let go when the connection ends', async () => {
    const left = Promise.withResolvers<unknown>()
    async function* held(signal: AbortSignal): AsyncGenerator<Buffer> {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          left.resolve(signal.reason)
          reject(signal.reason as Error)
        })
      })
      yield Buffer.from('four')
    }
    await using two = await pair({
      read: async (_, __, signal) => ({ reply: {}, bulk: { bytes: 4, pieces: held(signal) } }),
    })
    const into = new BufferSink(100)
    const read = two.client.request('read', { sha256, chunk: 0, count: 1 }, { into })
    await two.clock.advance(0)
    two.client.destroy()
    await expect(read).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    expect(await left.promise).toMatchObject({ code: 'CONNECTION_CLOSED' })
  })

  test('that stalls is given up', async () => {
    const gate = Promise.withResolvers<void>()
    async function* stalling(): AsyncGenerator<Buffer> {
      yield Buffer.from('fo')
      await gate.promise
      yield Buffer.from('ur')
    }
    await using two = await pair({
      read: async () => ({ reply: {}, bulk: { bytes: 4, pieces: stalling() } }),
    })
    const into = new BufferSink(100)
    const read = two.client.request('read', { sha256, chunk: 0, count: 1 }, { into })
    const failed = expect(read).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
    await two.clock.advance(deadlines.bulkStallMs)
    await failed
    gate.resolve()
    expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
  })
})

describe('a connection', () => {
  test('that ends fails what is unanswered, and tells the server', async () => {
    await using two = await pair({ chunks: () => new Promise(() => {}) })
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

  test('closes orderly: what was asked is answered first', async () => {
    const gate = Promise.withResolvers<void>()
    await using two = await pair({
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
    await using two = await pair({ chunks: () => new Promise(() => {}) })
    const asked = two.client.request('chunks', { sha256 })
    const failed = expect(asked).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
    await two.clock.advance(0)
    const closing = two.server[Symbol.asyncDispose]()
    await two.clock.advance(deadlines.closeMs)
    await Promise.all([failed, closing])
  })

  test('over the bound is turned away with a reason', async () => {
    await using two = await pair()
    await using second = await two.dial()
    await expect(two.dial()).rejects.toMatchObject({ code: 'TOO_MANY_CONNECTIONS' })
    expect(second.isOpen).toBe(true)
  })

  test('without any traffic is closed', async () => {
    await using two = await pair()
    await two.clock.advance(deadlines.connectionIdleMs)
    await two.client.closed
    expect(two.server.connectionCount).toBe(0)
  })

  test('to somebody of another role fails', async () => {
    await using two = await pair()
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
