/**
 * Whatever a client sends, the server answers with an error frame or closes the connection, and
 * keeps serving others. The bytes are written without the client's code.
 */
import type { Duplex } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { deadlines, limits } from '../limits.ts'
import { MemoryTransport } from '../protocol/memory-transport.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { noHistory } from '../testing/no-history.ts'
import { silentLog } from '../testing/silent-log.ts'
import { encodeFrame, FrameDecoder } from './framing.ts'
import { noMesh } from './no-mesh.ts'
import { startServer } from './server.ts'

const hello = { id: 1, type: 'hello', body: { protocol: 'tandem/1', role: 'client' } }
const chunks = { id: 2, type: 'chunks', body: { sha256: '0'.repeat(64) } }

async function strangerAtTheDoor() {
  const clock = new FakeClock()
  const transport = new MemoryTransport()
  const server = await startServer(
    { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 10 },
    {
      transport,
      clock,
      log: silentLog,
      welcome: async () => ({ reply: {}, session: undefined }),
      handlers: {
        'chunk-list': () => Promise.reject(new Error('not asked for here')),
        chunks: async () => ({ size: 1, count: 1 }),
        read: () => Promise.reject(new Error('not asked for here')),
        'read-many': () => Promise.reject(new Error('not asked for here')),
        ...noHistory,
        ...noMesh,
      },
    },
  )
  const knock = async (): Promise<{ stream: Duplex; heard: unknown[] }> => {
    const wire = await transport.dial(server.address, {})
    const { stream } = wire
    const decoder = new FrameDecoder()
    const heard: unknown[] = []
    stream.on('error', () => {})
    wire.read((bytes) => {
      decoder.push(bytes)
      for (let found = decoder.next(); found?.kind === 'frame'; found = decoder.next())
        heard.push(JSON.parse(found.body.toString()))
    })
    return { stream, heard }
  }
  return {
    clock,
    server,
    knock,
    async [Symbol.asyncDispose]() {
      const closed = server[Symbol.asyncDispose]()
      // The client does not close the connection itself.
      await clock.advance(deadlines.closeMs)
      await closed
    },
  }
}

const frame = (value: unknown): Buffer => encodeFrame(JSON.stringify(value))

test.each<[string, Buffer, string]>([
  ['a length of 4 GiB', Buffer.from([255, 255, 255, 255, 1]), 'BAD_FRAME'],
  ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'), 'BAD_FRAME'],
  ['bytes that are not UTF-8', Buffer.from([0, 0, 0, 2, 0xff, 0xfe]), 'BAD_FRAME'],
  ['text that is not JSON', encodeFrame('{"id":'), 'BAD_FRAME'],
  ['JSON that is no message', encodeFrame('[1,2,3]'), 'BAD_FRAME'],
  ['a reply without a request', frame({ re: 5, body: {} }), 'BAD_FRAME'],
  ['a reply with bulk without a request', frame({ re: 5, body: {}, bytes: 1e9 }), 'BAD_FRAME'],
  ['a request with the id 0', frame({ ...hello, id: 0 }), 'BAD_FRAME'],
  ['a deeply nested value', encodeFrame('['.repeat(200_000) + ']'.repeat(200_000)), 'BAD_FRAME'],
])('%s gets an error and a closed door', async (_, bytes, code) => {
  await using door = await strangerAtTheDoor()
  const { stream, heard } = await door.knock()
  stream.write(bytes)
  await door.clock.advance(deadlines.closeMs)
  expect(heard).toEqual([{ re: 0, error: expect.objectContaining({ code }) as unknown }])
  expect(stream.destroyed || stream.readableEnded).toBe(true)
  expect(door.server.connectionCount).toBe(0)
})

test.each<[string, unknown[], string[]]>([
  ['a request before hello', [{ ...chunks, id: 1 }], ['HELLO_EXPECTED']],
  ['a second hello', [hello, { ...hello, id: 2 }], ['HELLO_EXPECTED']],
  [
    'another protocol version',
    [{ ...hello, body: { ...hello.body, protocol: 'tandem/9' } }],
    ['VERSION_MISMATCH'],
  ],
  ['a hello without a role', [{ ...hello, body: { protocol: 'tandem/1' } }], ['BAD_REQUEST']],
  ['an unknown type', [hello, { id: 2, type: 'dance', body: {} }], ['UNKNOWN_TYPE']],
  [
    'a type named like a built-in',
    [hello, { id: 2, type: 'toString', body: {} }],
    ['UNKNOWN_TYPE'],
  ],
  ['a request of another role', [hello, { id: 2, type: 'tasks', body: {} }], ['UNKNOWN_TYPE']],
  [
    'a short request with many unknown fields',
    [
      hello,
      { ...chunks, body: { ...chunks.body, more: Array.from({ length: 30_000 }, () => []) } },
    ],
    ['TOO_LARGE'],
  ],
])('%s gets an error', async (_, sent, codes) => {
  await using door = await strangerAtTheDoor()
  const { stream, heard } = await door.knock()
  stream.write(Buffer.concat(sent.map(frame)))
  await door.clock.advance(0)
  const errors = heard.filter((value) => JSON.stringify(value).includes('"error"'))
  expect(errors).toMatchObject(codes.map((code) => ({ error: { code } })))
})

test('unknown fields are ignored', async () => {
  await using door = await strangerAtTheDoor()
  const { stream, heard } = await door.knock()
  stream.write(frame({ ...hello, extra: 1, body: { ...hello.body, future: { a: 1 } } }))
  await door.clock.advance(0)
  expect(heard).toMatchObject([{ re: 1, body: { role: 'peer' } }])
})

test('requests may follow hello without waiting for the welcome', async () => {
  await using door = await strangerAtTheDoor()
  const { stream, heard } = await door.knock()
  stream.write(Buffer.concat([frame(hello), frame(chunks)]))
  await door.clock.advance(0)
  expect(heard).toMatchObject([{ re: 1 }, { re: 2, body: { size: 1, count: 1 } }])
})

test('an id in use and too many requests in flight end the connection', async () => {
  await using door = await strangerAtTheDoor()
  const same = await door.knock()
  same.stream.write(Buffer.concat([frame(hello), frame(chunks), frame(chunks)]))
  const flood = await door.knock()
  const many = Array.from({ length: limits.requestsInFlightMax + 1 }, (_, i) => ({
    ...chunks,
    id: 2 + i,
  }))
  flood.stream.write(Buffer.concat([hello, ...many].map(frame)))
  await door.clock.advance(deadlines.closeMs)
  expect(same.heard).toContainEqual(expect.objectContaining({ re: 0 }))
  expect(flood.heard).toContainEqual(
    expect.objectContaining({
      error: expect.objectContaining({ code: 'TOO_MANY_REQUESTS' }) as unknown,
    }),
  )
  expect(door.server.connectionCount).toBe(0)
})

test('a silent stranger is gone after the hello deadline', async () => {
  await using door = await strangerAtTheDoor()
  await door.knock()
  expect(door.server.connectionCount).toBe(1)
  await door.clock.advance(deadlines.helloMs)
  expect(door.server.connectionCount).toBe(0)
})

test('garbage never stops the server from answering the next one', async () => {
  await using door = await strangerAtTheDoor()
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 }),
      async (parts) => {
        const garbage = await door.knock()
        for (const part of parts) if (garbage.stream.writable) garbage.stream.write(part)
        await door.clock.advance(0)
        garbage.stream.destroy()
        const { stream, heard } = await door.knock()
        stream.write(frame(hello))
        await door.clock.advance(0)
        expect(heard).toMatchObject([{ re: 1, body: { protocol: 'tandem/1' } }])
        stream.destroy()
      },
    ),
    { numRuns: 50 },
  )
})
