import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '../clock.ts'
import { MemoryTransport } from '../protocol/memory-transport.ts'
import { seededRandom } from '../random.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { tcpTransport } from './tcp-transport.ts'
import { TlsTransport } from './tls-transport.ts'
import {
  type Address,
  formatAddress,
  parseAddress,
  type Transport,
  type Wire,
} from './transport.ts'

const anywhere = { host: '127.0.0.1', port: 0 }

/** Two ends of a new connection. */
async function connected(
  transport: Transport,
): Promise<{ near: Wire; far: Wire } & AsyncDisposable> {
  const accepted = Promise.withResolvers<Wire>()
  const listener = await transport.listen(anywhere, accepted.resolve)
  const near = await transport.dial(listener.address, {})
  const far = await accepted.promise
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.stream.destroy()
      far.stream.destroy()
      await listener[Symbol.asyncDispose]()
    },
  }
}

let cluster: TestCluster
beforeAll(async () => {
  cluster = await TestCluster.create({ role: 'peer', id: 'peer1' })
})
afterAll(() => cluster[Symbol.asyncDispose]())

describe.each<[string, () => Transport]>([
  ['TCP', () => tcpTransport],
  ['TLS', () => new TlsTransport(cluster.own, { clock: systemClock, log: silentLog })],
  ['memory', () => new MemoryTransport()],
])('%s keeps the contract of a transport:', (_, make) => {
  test('bytes arrive in order in both directions', async () => {
    await using link = await connected(make())
    link.near.stream.end('to far')
    link.far.stream.end('to near')
    const [atFar, atNear] = await Promise.all([text(link.far), text(link.near)])
    expect([atFar, atNear]).toEqual(['to far', 'to near'])
  })

  test('a side that does not read makes the other wait', async () => {
    await using link = await connected(make())
    const piece = Buffer.alloc(1 << 20)
    let written = 0
    while (written < 64 && link.near.stream.write(piece)) written += 1
    expect(written).toBeLessThan(64)
    link.far.read(() => {})
    await once(link.near.stream, 'drain')
  })

  test('bytes that arrive before reading starts are not lost', async () => {
    await using link = await connected(make())
    link.far.stream.write('early')
    await new Promise(setImmediate)
    link.far.stream.end(' and late')
    expect(await text(link.near)).toBe('early and late')
  })

  test('a paused reader receives nothing until it resumes, and its bytes stay valid', async () => {
    await using link = await connected(make())
    const original = Buffer.from(Array.from({ length: 1 << 20 }, (_, place) => place % 251))
    link.far.stream.end(original)
    const { stream } = link.near
    const received: Buffer[] = []
    const { promise: isComplete, resolve } = Promise.withResolvers<void>()
    link.near.read((bytes) => {
      expect(stream.isPaused()).toBe(false)
      stream.pause()
      setImmediate(() => {
        received.push(Buffer.from(bytes))
        stream.resume()
        if (Buffer.concat(received).length === original.length) resolve()
      })
    })
    await isComplete
    expect(Buffer.concat(received).equals(original)).toBe(true)
  })

  test('many bytes arrive in order, whenever their reader pauses', async () => {
    await using link = await connected(make())
    const random = seededRandom('pauses')
    const original = Buffer.from(
      Array.from({ length: 6 << 20 }, (_, place) => (place * place) % 251),
    )
    const { stream } = link.far
    for (let start = 0; start < original.length; ) {
      const end = start + 1 + Math.floor(random.fraction() * 300_000)
      stream.write(original.subarray(start, end))
      start = end
    }
    const received: Buffer[] = []
    let bytesLeft = original.length
    const { promise: isComplete, resolve } = Promise.withResolvers<void>()
    const take = (bytes: Buffer): void => {
      received.push(Buffer.from(bytes))
      bytesLeft -= bytes.length
      if (bytesLeft === 0) resolve()
    }
    link.near.read((bytes) => {
      if (random.fraction() < 0.7) return take(bytes)
      link.near.stream.pause()
      setImmediate(() => {
        take(bytes)
        link.near.stream.resume()
      })
    })
    await isComplete
    expect(Buffer.concat(received).equals(original)).toBe(true)
  })

  test('destroying one end ends the other', async () => {
    await using link = await connected(make())
    const { stream } = link.near
    stream.on('error', () => {})
    link.near.read(() => {})
    const ended = once(stream, 'close')
    link.far.stream.destroy()
    await ended
    expect(stream.destroyed).toBe(true)
  })

  test('dialling a closed port fails immediately and says so', async () => {
    const transport = make()
    const listener = await transport.listen(anywhere, () => {})
    await listener[Symbol.asyncDispose]()
    await expect(transport.dial(listener.address, {})).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      details: { reason: 'connection refused' },
    })
  })

  test('two cannot listen on one address', async () => {
    const transport = make()
    await using first = await transport.listen(anywhere, () => {})
    await expect(transport.listen(first.address, () => {})).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
    })
  })

  test('an aborted dial rejects with the reason', async () => {
    const reason = new Error('changed my mind')
    const dialled = make().dial(
      { host: '127.0.0.1', port: 9 },
      { signal: AbortSignal.abort(reason) },
    )
    await expect(dialled).rejects.toBe(reason)
  })
})

/** All bytes until the end. */
async function text(wire: Wire): Promise<string> {
  let all = ''
  const ended = once(wire.stream, 'end')
  wire.read((bytes) => {
    all += String(bytes)
  })
  await ended
  return all
}

test.each<[string, Address | undefined]>([
  ['127.0.0.1:7000', { host: '127.0.0.1', port: 7000 }],
  ['indexing-server:7000', { host: 'indexing-server', port: 7000 }],
  ['[::1]:7000', { host: '::1', port: 7000 }],
  ['localhost', undefined],
  ['::1:7000', undefined],
  ['host:0', undefined],
  ['host:65536', undefined],
  ['a host:1', undefined],
  [':7000', undefined],
])('the address %s', (typed, address) => {
  expect(parseAddress(typed)).toEqual(address)
  expect(address === undefined ? typed : formatAddress(address)).toBe(typed)
})
