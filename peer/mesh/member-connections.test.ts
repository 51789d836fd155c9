import { expect, onTestFinished, test } from 'vitest'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import type { Transport } from '../../common/protocol/transport.ts'
import { aContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { startScriptedSource } from '../../common/testing/scripted-source.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { MemberConnections, type Target } from './member-connections.ts'

const content = aContent(1)
const { sha256 } = content.content

class World {
  readonly clock = new FakeClock()
  readonly transport = new MemoryTransport()
  dials = 0
  /** Whether dials end only when they are aborted. */
  isBlackHole = false
  readonly connections = new MemberConnections(
    { peerId: 'me' },
    { clock: this.clock, log: silentLog, transport: this.#countingTransport() },
  )

  constructor() {
    onTestFinished(async () => await this.connections[Symbol.asyncDispose]())
  }

  async member(peerId: string, claimsToBe = peerId) {
    const started = await startScriptedSource({ peerId, content, claimsToBe }, this)
    const { host, port } = started.source
    const target: Target = { peerId, address: { host, port } }
    return {
      target,
      get connectionCount() {
        return started.connectionCount
      },
      [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
    }
  }

  async ask(target: Target, signal = new AbortController().signal): Promise<unknown> {
    return await this.connections.request(target, 'chunks', { sha256 }, signal)
  }

  #countingTransport(): Transport {
    return {
      dial: async (address, options) => {
        this.dials++
        if (!this.isBlackHole) return await this.transport.dial(address, options)
        return await new Promise((_, reject) => {
          options.signal?.addEventListener('abort', () => reject(options.signal?.reason as Error))
        })
      },
      listen: async (address, onConnection) => await this.transport.listen(address, onConnection),
    }
  }
}

test('requests share a connection, which is dialled again when it has ended', async () => {
  const world = new World()
  const member = await world.member('peer1')
  const { target } = member
  await Promise.all([world.ask(target), world.ask(target)])
  await world.ask(target)
  expect(world.dials).toBe(1)
  await member[Symbol.asyncDispose]()
  await expect(world.ask(target)).rejects.toMatchObject({ code: 'DIAL_FAILED' })
  await using again = await world.member('peer1')
  await world.ask(again.target)
  expect(again.connectionCount).toBe(1)
})

test('another peer that answers there is asked nothing, unless anyone is meant', async () => {
  const world = new World()
  await using member = await world.member('peer1', 'peer2')
  const { address } = member.target
  await expect(world.ask(member.target)).rejects.toMatchObject({
    code: 'BAD_REPLY',
    details: { reason: 'it is peer2, not peer1' },
  })
  await expect.poll(() => member.connectionCount).toBe(0)
  await world.ask({ address })
  expect(member.connectionCount).toBe(1)
})

test('the end of a request does not wait for a dial without an answer', async () => {
  const world = new World()
  world.isBlackHole = true
  const ending = new AbortController()
  const target = { peerId: 'peer1', address: { host: '127.0.0.1', port: 1 } }
  const asked = world.ask(target, ending.signal)
  ending.abort(new Error('too late'))
  await expect(asked).rejects.toThrow('too late')
  const other = world.ask(target)
  // They share the dial.
  await expect.poll(() => world.dials).toBe(1)
  await world.connections[Symbol.asyncDispose]()
  await expect(other).rejects.toMatchObject({ code: 'STOPPING' })
})

test('unused connections are closed when another is needed, but none that is in use', async () => {
  const world = new World()
  await using used = await world.member('used')
  await using unused = await world.member('unused')
  await using third = await world.member('third')
  await world.ask(unused.target)
  await world.ask(used.target)
  await world.clock.advance(59_000)
  await world.ask(used.target)
  expect(unused.connectionCount).toBe(1)
  await world.clock.advance(2_000)
  await world.ask(third.target)
  await expect.poll(() => unused.connectionCount).toBe(0)
  expect(used.connectionCount).toBe(1)
})

test('at most 64 connections are kept', async () => {
  const world = new World()
  await using stack = new AsyncDisposableStack()
  const members = await Promise.all(
    Array.from({ length: 66 }, async (_, number) => stack.use(await world.member(`p${number}`))),
  )
  for (const { target } of members) await world.ask(target)
  const open = (): number => members.reduce((sum, member) => sum + member.connectionCount, 0)
  await expect.poll(open).toBe(64)
  expect(members[0]?.connectionCount).toBe(0)
  expect(members.at(-1)?.connectionCount).toBe(1)
})

test('nothing is asked any longer when it is disposed', async () => {
  const world = new World()
  await using member = await world.member('peer1')
  await world.ask(member.target)
  await world.connections[Symbol.asyncDispose]()
  await expect.poll(() => member.connectionCount).toBe(0)
  await expect(world.ask(member.target)).rejects.toMatchObject({ code: 'STOPPING' })
})
