import pino from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { parseDatagram, toDatagram } from '../../common/protocol/discovery-datagram.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { Multicast, OnDatagram } from '../../common/protocol/multicast.ts'
import { type Address, formatAddress } from '../../common/protocol/transport.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { Discovery } from './discovery.ts'

const epochOf = (peerId: string): string => Buffer.from(peerId.padEnd(8)).toString('hex')

/** What one peer sent through which interface. */
interface Sent {
  readonly from: string
  readonly bytes: Uint8Array
}

/** A local network on which each peer has the address that it serves on. */
class LocalNetwork {
  readonly clock = new FakeClock()
  readonly sent: Sent[] = []
  readonly logged: string[] = []
  /** Why nothing is sent. */
  failure: Error | undefined
  readonly #listeners = new Set<OnDatagram>()

  multicast: Multicast = (_, onDatagram) => {
    this.#listeners.add(onDatagram)
    return {
      send: async (bytes, interfaces) => {
        if (this.failure !== undefined) throw this.failure
        for (const from of interfaces) this.tell(bytes, from)
      },
      [Symbol.asyncDispose]: async () => {
        this.#listeners.delete(onDatagram)
      },
    }
  }

  tell(bytes: Uint8Array, from: string): void {
    this.sent.push({ from, bytes })
    for (const onDatagram of this.#listeners) onDatagram(bytes, from)
  }

  async pass(delayMs: number): Promise<void> {
    await this.clock.advance(delayMs)
  }

  peer(peerId: string, host: string, options: { epoch?: string; addresses?: string[] } = {}): Peer {
    const peer = new Peer(peerId, options.epoch ?? epochOf(peerId))
    const log = pino({ level: 'info' }, { write: (line: string) => void this.logged.push(line) })
    const discovery = Discovery.start(
      { host, port: 7_100, discoveryPort: 7_099 },
      {
        mesh: peer,
        multicast: this.multicast,
        addresses: () => options.addresses ?? [],
        clock: this.clock,
        random: seededRandom(peerId),
        log,
      },
    )
    onTestFinished(() => discovery[Symbol.asyncDispose]())
    return peer
  }
}

/** A member, as discovery sees it. */
class Peer {
  readonly met: string[] = []
  readonly live = new Set<string>()
  refusal: AppError | undefined
  readonly self: MemberRecord

  constructor(peerId: string, epoch: string) {
    const numbers = { generation: 1, version: 1, lastSeq: 0, freeBytes: 0 }
    this.self = { peerId, epoch, host: 'unused', port: 7_100, ...numbers }
  }

  members(): [] {
    return []
  }

  isLive(peerId: string): boolean {
    return this.live.has(peerId)
  }

  async meet(address: Address): Promise<void> {
    this.met.push(formatAddress(address))
    if (this.refusal !== undefined) throw this.refusal
  }
}

function announced(peerId: string, port = 7_100): Uint8Array {
  return toDatagram({ peerId, epoch: epochOf(peerId), port })
}

test('a datagram is read as it was written, and nothing else is', () => {
  const bytes = announced('peer1')
  expect(parseDatagram(bytes)).toMatchObject({ peerId: 'peer1', port: 7_100 })
  const longest = toDatagram({ peerId: 'p'.repeat(64), epoch: epochOf('a'), port: 65_535 })
  expect(longest.length).toBeLessThan(limits.discoveryBytesMax / 2)
  const text = Buffer.from(bytes).toString()
  const padded = Buffer.from(text.padEnd(limits.discoveryBytesMax + 1))
  const others = [
    padded,
    Buffer.alloc(0),
    Buffer.from([0xff, 0xfe, 0x00]),
    Buffer.from('null'),
    Buffer.from(text.slice(0, -1)),
    Buffer.from(text.replace('tandem/1', 'tandem/9')),
    Buffer.from(text.replace('7100', '0')),
    Buffer.from(text.replace('peer1', '../peer1')),
  ]
  for (const other of others) expect(parseDatagram(other), other.toString()).toBeUndefined()
})

test('peers that start join each other at the address that they announce from', async () => {
  const network = new LocalNetwork()
  const ada = network.peer('ada', '10.0.0.1')
  await network.pass(500)
  const bob = network.peer('bob', '10.0.0.2')
  await network.pass(10_000)
  expect(ada.met).toContain('10.0.0.2:7100')
  expect(bob.met).toContain('10.0.0.1:7100')
})

test('a member that others have told of by then is not asked', async () => {
  const network = new LocalNetwork()
  const ada = network.peer('ada', '10.0.0.1')
  network.tell(announced('bob'), '10.0.0.2')
  ada.live.add('bob')
  await network.pass(60_000)
  network.tell(announced('bob'), '10.0.0.2')
  await network.pass(60_000)
  expect(ada.met).toEqual([])
})

test('a peer that was not reached is tried again when it announces itself again', async () => {
  const network = new LocalNetwork()
  const ada = network.peer('ada', '10.0.0.1')
  ada.refusal = new AppError('DIAL_FAILED', { address: '10.0.0.2:7100', reason: 'none' })
  for (const count of [1, 2, 3]) {
    network.tell(announced('bob'), '10.0.0.2')
    await network.pass(30_000)
    expect(ada.met).toHaveLength(count)
  }
  expect(network.logged).toEqual([])
})

test('announcements are rare, and a new peer is answered within seconds', async () => {
  const network = new LocalNetwork()
  network.peer('ada', '10.0.0.1')
  await network.pass(20_000)
  const sentByAda = (): number => network.sent.filter(({ from }) => from === '10.0.0.1').length
  expect(sentByAda()).toBe(3)
  network.tell(announced('bob'), '10.0.0.2')
  await network.pass(3_000)
  expect(sentByAda()).toBe(4)
  await network.pass(600_000)
  expect(sentByAda()).toBeLessThanOrEqual(4 + 600 / 27)
})

test('peers that cannot reach each other do not answer each other for ever', async () => {
  const network = new LocalNetwork()
  for (const [peerId, host] of [
    ['ada', '10.0.0.1'],
    ['bob', '10.0.0.2'],
  ] as const)
    network.peer(peerId, host).refusal = new AppError('DIAL_FAILED', { address: '', reason: '' })
  await network.pass(20_000)
  expect(network.sent.length).toBeLessThanOrEqual(2 * 4)
})

test('peers on loopback and peers of the network do not hear each other', async () => {
  const network = new LocalNetwork()
  const local = network.peer('local', '127.0.0.1')
  const outside = network.peer('outside', '0.0.0.0', { addresses: ['10.0.0.1', '10.1.0.1'] })
  const named = network.peer('named', 'localhost')
  await network.pass(10_000)
  expect([new Set(local.met), outside.met, new Set(named.met)]).toEqual([
    new Set(['127.0.0.1:7100']),
    [],
    new Set(['127.0.0.1:7100']),
  ])
  expect(new Set(network.sent.map(({ from }) => from))).toEqual(
    new Set(['127.0.0.1', '10.0.0.1', '10.1.0.1']),
  )
})

test('a crowd of made-up peers has few addresses tried', async () => {
  const network = new LocalNetwork()
  const ada = network.peer('ada', '10.0.0.1')
  for (let second = 0; second < 60; second += 1) {
    for (let n = 0; n < 1_000; n += 1)
      network.tell(announced(`x${second}-${n}`, 1 + n), `10.${second}.0.1`)
    await network.pass(1_000)
  }
  expect(ada.met.length).toBeGreaterThan(64)
  expect(ada.met.length).toBeLessThan(64 + 70)
})

test('a failing socket is logged once, and tried again', async () => {
  const network = new LocalNetwork()
  network.failure = new Error('no route')
  network.peer('ada', '10.0.0.1')
  await network.pass(300_000)
  expect(network.logged).toHaveLength(1)
  expect(network.logged[0]).toContain('no route')
  network.failure = undefined
  await network.pass(60_000)
  expect(network.sent.length).toBeGreaterThan(0)
  network.failure = new Error('no route')
  await network.pass(60_000)
  expect(network.logged).toHaveLength(2)
})

test('another peer with the same id is logged, and not joined', async () => {
  const network = new LocalNetwork()
  const one = network.peer('peer1', '10.0.0.1')
  const other = network.peer('peer1', '10.0.0.2', { epoch: 'f'.repeat(16) })
  await network.pass(120_000)
  expect([one.met, other.met]).toEqual([[], []])
  expect(network.logged.map((line) => (JSON.parse(line) as { host: string }).host)).toEqual(
    expect.arrayContaining(['10.0.0.1', '10.0.0.2']),
  )
  expect(network.logged).toHaveLength(2)
})
