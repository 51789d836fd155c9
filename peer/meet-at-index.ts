import { backoffMs } from '../common/backoff.ts'
import type { Clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { PeerInfo } from '../common/protocol/messages.ts'
import type { Random } from '../common/random.ts'
import { someOf } from './mesh/choose-members.ts'
import type { Mesh } from './mesh/mesh.ts'

/** Peers of the index that are looked at and tried at a time. */
const listedAtATime = 20
const triedAtATime = 3
/** A peer that is alone tries others soon; the index may know only peers that are in no mesh. */
const alonePace = { firstMs: 1_000, maxMs: 60_000 } as const
/** Members that found each other are compared with some peers of the index. */
const comparedEveryMs = 60_000

interface Dependencies {
  readonly peerId: string
  /** The connection to the index of the cluster, as soon as there is one. */
  readonly connected: (signal: AbortSignal) => Promise<Pick<Connection, 'request'>>
  readonly mesh: Pick<Mesh, 'meet' | 'member' | 'members'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Finds members of the mesh among the peers that the index lists, until the signal is aborted: such peers
 * need no other address.
 * @throws the signal's reason
 */
export async function meetAtIndex(dependencies: Dependencies, signal: AbortSignal): Promise<never> {
  const { mesh, clock, random, log } = dependencies
  for (let tries = 1; ; tries++) {
    try {
      await meetSome(dependencies, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ reason: reasonOf(error) }, 'the index did not list peers')
    }
    const isAlone = !mesh.members().some(({ state }) => state === 'live')
    if (!isAlone) tries = 0
    await clock.sleep(isAlone ? backoffMs(tries, alonePace, random) : comparedEveryMs, signal)
  }
}

async function meetSome(
  { peerId, connected, mesh, random, log }: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const connection = await connected(signal)
  const known = mesh.members().map(({ record }) => record.peerId)
  // Some page: all members together look at all of them.
  const [after] = someOf([undefined, peerId, ...known], 1, random)
  const request = { limit: listedAtATime, ...(after !== undefined && { after }) }
  const { peers } = await connection.request('peers', request, { signal })
  const isOther = (peer: PeerInfo): boolean =>
    peer.peerId !== peerId && peer.state === 'live' && mesh.member(peer.peerId)?.state !== 'live'
  const others = peers.filter(isOther).slice(0, triedAtATime)
  for (const { host, port } of others) {
    try {
      await mesh.meet({ host, port }, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ host, port, reason: reasonOf(error) }, 'a peer of the index is no member')
    }
  }
}
