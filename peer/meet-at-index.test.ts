import { expect, test } from 'vitest'
import type { Connection } from '../common/protocol/connection.ts'
import type { PeerInfo, RequestOf } from '../common/protocol/messages.ts'
import type { Address } from '../common/protocol/transport.ts'
import { seededRandom } from '../common/random.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { silentLog } from '../common/testing/silent-log.ts'
import { meetAtIndex } from './meet-at-index.ts'
import type { Member } from './mesh/member.ts'

/** An index that lists peers, of which some are members of a mesh. */
class World {
  readonly clock = new FakeClock()
  readonly met: string[] = []
  requests = 0
  readonly #listed: readonly string[]
  readonly #members: ReadonlySet<string>

  constructor(listed: readonly string[], members: readonly string[]) {
    this.#listed = listed.toSorted()
    this.#members = new Set(members)
  }

  /** Peers at the index are told apart by the port. */
  async run(peerId: string, ms: number): Promise<void> {
    const ended = new AbortController()
    const live = (): Member[] =>
      this.met.map((met) => ({ state: 'live', record: { peerId: met } }) as Member)
    const running = meetAtIndex(
      {
        peerId,
        connected: async () => ({ request: this.#request }) as unknown as Connection,
        mesh: {
          members: live,
          member: (id) => live().find(({ record }) => record.peerId === id),
          meet: async ({ port }: Address) => {
            const found = this.#listed[port - 1] ?? ''
            if (!this.#members.has(found)) throw new Error('NO_MESH')
            this.met.push(found)
          },
        },
        clock: this.clock,
        random: seededRandom('meet'),
        log: silentLog,
      },
      ended.signal,
    ).catch(() => {})
    await this.clock.advance(ms)
    ended.abort()
    await running
  }

  readonly #request = async (
    _: 'peers',
    { after = '', limit }: RequestOf<'peers'>,
  ): Promise<{ peers: Partial<PeerInfo>[] }> => {
    this.requests += 1
    const peers = this.#listed.map((peerId, place) => ({
      peerId,
      host: 'h',
      port: place + 1,
      state: 'live' as const,
    }))
    return { peers: peers.filter((peer) => peer.peerId > after).slice(0, limit) }
  }
}

test('a member is found wherever it is listed', async () => {
  const early = new World(['peer1', 'peer2', 'peer3'], ['peer1'])
  await early.run('peer3', 3_000)
  expect(early.met).toEqual(['peer1'])
  const late = new World(['peer1', 'peer2', 'peer3'], ['peer3'])
  await late.run('peer1', 3_000)
  expect(late.met).toEqual(['peer3'])
})

test('an index whose peers are in no mesh is asked less and less often', async () => {
  const world = new World(['peer1', 'peer2', 'peer3'], [])
  await world.run('peer1', 600_000)
  expect(world.met).toEqual([])
  expect(world.requests).toBeLessThan(45)
})

test('all members are met in the end, also those behind many others', async () => {
  const ids = Array.from({ length: 60 }, (_, number) => `peer${number + 100}`)
  const world = new World(ids, ['peer105', 'peer130', 'peer155'])
  await world.run('peer101', 3_600_000)
  expect(world.met.toSorted()).toEqual(['peer105', 'peer130', 'peer155'])
})
