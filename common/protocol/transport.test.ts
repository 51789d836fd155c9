import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { MemoryTransport } from '../testing/memory-transport.ts'
import { tcpTransport } from './tcp-transport.ts'
import { type Address, formatAddress, parseAddress, type Transport } from './transport.ts'

const anywhere = { host: '127.0.0.1', port: 0 }

/** Two ends of a new connection. */
async function connected(
  transport: Transport,
): Promise<{ near: Duplex; far: Duplex } & AsyncDisposable> {
  const accepted = Promise.withResolvers<Duplex>()
  const listener = await transport.listen(anywhere, accepted.resolve)
  const near = await transport.dial(listener.address, {})
  const far = await accepted.promise
  return {
    near,
    far,
    async [Symbol.asyncDispose]() {
      near.destroy()
      far.destroy()
      await listener[Symbol.asyncDispose]()
    },
  }
}

describe.each<[string, () => Transport]>([
  ['TCP', () => tcpTransport],
  ['memory', () => new MemoryTransport()],
])('%s keeps the contract of a transport:', (_, make) => {
  test('bytes arrive in order in both directions', async () => {
    await using link = await connected(make())
    link.near.end('to far')
    link.far.end('to near')
    const [atFar, atNear] = await Promise.all([text(link.far), text(link.near)])
    expect([atFar, atNear]).toEqual(['to far', 'to near'])
  })

  test('a side that does not read makes the other wait', async () => {
    await using link = await connected(make())
    const piece = Buffer.alloc(1 << 20)
    let written = 0
    while (written < 64 && link.near.write(piece)) written += 1
    expect(written).toBeLessThan(64)
    link.far.resume()
    await once(link.near, 'drain')
  })

  test('destroying one end ends the other', async () => {
    await using link = await connected(make())
    link.near.on('error', () => {})
    link.near.resume()
    const ended = once(link.near, 'close')
    link.far.destroy()
    await ended
    expect(link.near.destroyed).toBe(true)
  })

  test('dialling where nothing listens fails at once and says so', async () => {
    const transport = make()
    const listener = await transport.listen(anywhere, () => {})
    await listener[Symbol.asyncDispose]()
    await expect(transport.dial(listener.address, {})).rejects.toMatchObject({
      code: 'DIAL_FAILED',
      details: { reason: 'nothing listens there' },
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

async function text(stream: Duplex): Promise<string> {
  let all = ''
  for await (const bytes of stream) all += String(bytes)
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
