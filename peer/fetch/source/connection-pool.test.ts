import { expect, onTestFinished, test } from 'vitest'
import { deadlines } from '../../../common/limits.ts'
import { MemoryTransport } from '../../../common/protocol/memory-transport.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import type { Transport } from '../../../common/protocol/transport.ts'
import { aContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { startScriptedSource } from '../../../common/testing/scripted-source.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import {
  ConnectionPool,
  dialFailureMs,
  idlePeerConnectionsMax,
  peerConnectionIdleMs,
} from './connection-pool.ts'

class World {
  readonly clock = new FakeClock()
  readonly transport = new MemoryTransport()
  dials = 0
  readonly pool = new ConnectionPool(
    { ownPeerId: 'me' },
    { clock: this.clock, log: silentLog, transport: this.#countingTransport() },
  )

  constructor() {
    onTestFinished(async () => await this.pool[Symbol.asyncDispose]())
  }

  async peer(peerId: string): Promise<Source & AsyncDisposable> {
    const { source, ...peer } = await startScriptedSource({ peerId, content: aContent(1) }, this)
    return { ...source, [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose]() }
  }

  #countingTransport(): Transport {
    return {
      dial: async (address, options) => {
        this.dials += 1
        return await this.transport.dial(address, options)
      },
      listen: async (address, onConnection) => await this.transport.listen(address, onConnection),
    }
  }
}

test('control connections are shared, bulk connections are not', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const lease = world.pool.lease.bind(world.pool, peer)
  const [control, sameControl] = await Promise.all([lease('control'), lease('control')])
  const [bulk, otherBulk] = await Promise.all([lease('bulk'), lease('bulk')])
  expect(control.connection).toBe(sameControl.connection)
  expect(bulk.connection).not.toBe(otherBulk.connection)
  expect(world.dials).toBe(3)
})

test('replicas share a connection, on which no other fetch waits', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const people = await world.pool.lease(peer, 'control')
  const replica = await world.pool.lease(peer, 'replication')
  const sameReplica = await world.pool.lease(peer, 'replication')
  expect(replica.connection).not.toBe(people.connection)
  expect(replica.connection).toBe(sameReplica.connection)
})

test('a connection that was given back is used again, once by each', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const first = await world.pool.lease(peer, 'bulk')
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  const second = await world.pool.lease(peer, 'bulk')
  const third = await world.pool.lease(peer, 'bulk')
  expect(second.connection).toBe(first.connection)
  expect(third.connection).not.toBe(first.connection)
})

test('a connection that was discarded or ended is not used again', async () => {
  const world = new World()
  const peer = await world.peer('p1')
  const first = await world.pool.lease(peer, 'control')
  first.discard()
  const second = await world.pool.lease(peer, 'control')
  expect(second.connection).not.toBe(first.connection)
  await Promise.all([peer[Symbol.asyncDispose](), world.clock.advance(deadlines.closeMs)])
  await expect(world.pool.lease(peer, 'control')).rejects.toMatchObject({ code: 'DIAL_FAILED' })
  expect(world.pool.size).toBe(0)
})

test('idle connections are closed after a while, those in use are not', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const idle = await world.pool.lease(peer, 'bulk')
  const used = await world.pool.lease(peer, 'bulk')
  idle[Symbol.dispose]()
  await world.clock.advance(peerConnectionIdleMs)
  expect(world.pool.size).toBe(1)
  used[Symbol.dispose]()
})

test('idle connections are bounded', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const count = idlePeerConnectionsMax + 5
  const leases = await Promise.all(
    Array.from({ length: count }, () => world.pool.lease(peer, 'bulk')),
  )
  expect(world.pool.size).toBe(count)
  for (const lease of leases) lease[Symbol.dispose]()
  await world.clock.advance(0)
  expect(world.pool.size).toBe(idlePeerConnectionsMax)
})

test('an address that could not be dialled is left alone for a moment', async () => {
  const world = new World()
  const nowhere = { peerId: 'p1', host: 'nowhere', port: 9 }
  const failure = { code: 'DIAL_FAILED', details: { address: 'nowhere:9' } }
  await expect(world.pool.lease(nowhere, 'bulk')).rejects.toMatchObject(failure)
  await expect(world.pool.lease(nowhere, 'control')).rejects.toMatchObject(failure)
  expect(world.dials).toBe(1)
  await world.clock.advance(dialFailureMs)
  await expect(world.pool.lease(nowhere, 'bulk')).rejects.toMatchObject(failure)
  expect(world.dials).toBe(2)
})

test('another peer at the address is not the one', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const leasing = world.pool.lease({ ...peer, peerId: 'p2' }, 'bulk')
  await expect(leasing).rejects.toMatchObject({
    code: 'DIAL_FAILED',
    details: { reason: 'p2 is no longer at this address' },
  })
})

test('one who gives up waiting does not end the dialling of others', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const stop = new AbortController()
  const given = world.pool.lease(peer, 'control', stop.signal)
  const kept = world.pool.lease(peer, 'control')
  stop.abort(new Error('enough'))
  await expect(given).rejects.toThrow('enough')
  expect((await kept).connection).toBeDefined()
  expect(world.dials).toBe(1)
})

test('after the end there are no connections', async () => {
  const world = new World()
  await using peer = await world.peer('p1')
  const dialling = world.pool.lease(peer, 'control')
  const disposed = world.pool[Symbol.asyncDispose]()
  await expect(dialling).rejects.toMatchObject({ code: 'STOPPING' })
  await disposed
  expect(world.pool.size).toBe(0)
  await expect(world.pool.lease(peer, 'control')).rejects.toMatchObject({ code: 'STOPPING' })
  await world.pool[Symbol.asyncDispose]()
})
