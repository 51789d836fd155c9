import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { deadlines, limits } from '../limits.ts'
import { connectionPair, sha256 } from '../testing/connection-pair.ts'
import { BufferSink, bytesSource, FixedBufferSink } from './bulk.ts'
import { requestFrame } from './envelope.ts'
import { protocolVersion } from './messages.ts'
import { sendQueueItemsMax } from './outbox.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('bulk arrives whole, each after its own reply', async () => {
  await using two = await connectionPair()
  const sinks = [0, 1, 2].map(() => new BufferSink(100))
  const results = await Promise.all(
    sinks.map((into, chunk) => two.client.request('read', { sha256, chunk }, { into })),
  )
  expect(results.map((result) => result.bytes)).toEqual([7, 7, 7])
  expect(sinks.map((sink) => sink.received.toString())).toEqual(['chunk 0', 'chunk 1', 'chunk 2'])
})

test('bulk waits for a slow sink before it takes the next piece', async () => {
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
  await using two = await connectionPair({
    read: async () => ({ reply: {}, bulk: { bytes: source.bytes, pieces: source } }),
  })
  const gate = Promise.withResolvers<void>()
  const into = { begin: () => {}, write: () => gate.promise }
  const read = two.client.request('read', { sha256, chunk: 0 }, { into })
  await two.clock.advance(1)
  expect(given).toBeLessThan(10)
  gate.resolve()
  expect((await read).bytes).toBe(source.bytes)
})

test('bulk that the sink refuses is skipped', async () => {
  await using two = await connectionPair()
  const into = new FixedBufferSink(Buffer.alloc(3))
  const read = two.client.request('read', { sha256, chunk: 0 }, { into })
  await expect(read).rejects.toMatchObject({ code: 'TOO_LARGE' })
  expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
})

test('a failing bulk source ends the connection, and says so', async () => {
  await using two = await connectionPair({
    read: async () => ({ reply: {}, bulk: { bytes: 10, pieces: [Buffer.from('four')] } }),
  })
  const into = new BufferSink(100)
  const read = two.client.request('read', { sha256, chunk: 0 }, { into })
  await expect(read).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(two.client.isOpen).toBe(false)
})

test('bulk that is asked for and never read is not taken from its source', async () => {
  const asked: number[] = []
  const given: number[] = []
  function* pieces(chunk: number): Generator<Buffer> {
    given.push(chunk)
    yield Buffer.alloc(1 << 20)
  }
  await using two = await connectionPair({
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
    const frames = ids.map((id) => requestFrame(id, 'read', { sha256, chunk: id }))
    stream.write(Buffer.concat(frames))
    await two.clock.advance(0)
  }
  expect(given.length).toBe(1)
  expect(asked.length).toBeLessThanOrEqual(sendQueueItemsMax + 2 * limits.requestsInFlightMax)
  stream.destroy()
})

test('bulk that is cancelled while queued is not read from its source', async () => {
  const held = Promise.withResolvers<void>()
  const given: number[] = []
  async function* pieces(chunk: number): AsyncGenerator<Buffer> {
    given.push(chunk)
    if (chunk === 0) await held.promise
    yield Buffer.from('four')
  }
  await using two = await connectionPair({
    read: async ({ chunk }) => ({ reply: {}, bulk: { bytes: 4, pieces: pieces(chunk) } }),
  })
  const read = async (chunk: number, signal?: AbortSignal): Promise<string> => {
    const into = new BufferSink(100)
    await two.client.request('read', { sha256, chunk }, { into, signal })
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

test('cancelled bulk frees its memory, even behind bytes that are never read', async () => {
  const made: WeakRef<Buffer>[] = []
  await using two = await connectionPair({
    read: async () => {
      const bytes = Buffer.alloc(1 << 20)
      made.push(new WeakRef(bytes))
      return { reply: {}, bulk: bytesSource(bytes) }
    },
  })
  const held = { begin: () => {}, write: () => new Promise<void>(() => {}) }
  const withdrawing = new AbortController()
  for (let chunk = 0; chunk < 10; chunk += 1) {
    const options = chunk === 0 ? { into: held } : { into: held, signal: withdrawing.signal }
    two.client.request('read', { sha256, chunk }, options).catch(() => {})
  }
  await two.clock.advance(0)
  expect(made.length).toBe(10)
  withdrawing.abort(new Error('no longer needed'))
  await two.clock.advance(0)
  collectGarbage()
  expect(made.filter((one) => one.deref() !== undefined).length).toBeLessThanOrEqual(1)
})

test('paused bulk is released when the connection ends', async () => {
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
  await using two = await connectionPair({
    read: async (_, __, signal) => ({ reply: {}, bulk: { bytes: 4, pieces: held(signal) } }),
  })
  const into = new BufferSink(100)
  const read = two.client.request('read', { sha256, chunk: 0 }, { into })
  await two.clock.advance(0)
  two.client.destroy()
  await expect(read).rejects.toMatchObject({ code: 'CONNECTION_CLOSED' })
  expect(await left.promise).toMatchObject({ code: 'CONNECTION_CLOSED' })
})

test('bulk that stalls is given up', async () => {
  const gate = Promise.withResolvers<void>()
  async function* stalling(): AsyncGenerator<Buffer> {
    yield Buffer.from('fo')
    await gate.promise
    yield Buffer.from('ur')
  }
  await using two = await connectionPair({
    read: async () => ({ reply: {}, bulk: { bytes: 4, pieces: stalling() } }),
  })
  const into = new BufferSink(100)
  const read = two.client.request('read', { sha256, chunk: 0 }, { into })
  const failed = expect(read).rejects.toMatchObject({ code: 'DEADLINE_EXCEEDED' })
  await two.clock.advance(deadlines.bulkStallMs)
  await failed
  gate.resolve()
  expect(await two.client.request('chunks', { sha256 })).toEqual({ size: 1, count: 1 })
})
