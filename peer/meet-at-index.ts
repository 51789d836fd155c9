import { backoffMs } from '../common/backoff.ts'
import type { Clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { PeerInfo } from '../common/protocol/messages.ts'
import type { Random } from '../common/random.ts'
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
 * need no other address. It walks over the list, a few peers at a time, from this peer on.
 * @throws the signal's reason
 */
export async function meetAtIndex(dependencies: Dependencies, signal: AbortSignal): Promise<never> {
  const { peerId, mesh, clock, random, log } = dependencies
  let after: string | undefined = peerId
  for (let tries = 1; ; tries++) {
    try {
      after = await meetSome(after, dependencies, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ reason: reasonOf(error) }, 'the index did not list peers')
    }
    const isAlone = !mesh.members().some(({ state }) => state === 'live')
    if (!isAlone) tries = 0
    await clock.sleep(isAlone ? backoffMs(tries, alonePace, random) : comparedEveryMs, signal)
  }
}

/** Tries the next peers that are not known to be live. @returns after which one to go on */
async function meetSome(
  after: string | undefined,
  { peerId, connected, mesh, log }: Dependencies,
  signal: AbortSignal,
): Promise<string | undefined> {
  const connection = await connected(signal)
  const page = async (from: string | undefined): Promise<PeerInfo[]> => {
    const request = { limit: listedAtATime, ...(from !== undefined && { after: from }) }
    return (await connection.request('peers', request, { signal })).peers
  }
  const following = await page(after)
  // The last of the list is followed by the first.
  const listed = following.length > 0 ? following : await page(undefined)
  const isOther = (peer: PeerInfo): boolean =>
    peer.peerId !== peerId && peer.state === 'live' && mesh.member(peer.peerId)?.state !== 'live'
  const others = listed.filter(isOther)
  for (const { host, port } of others.slice(0, triedAtATime)) {
    try {
      await mesh.meet({ host, port }, signal)
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ host, port, reason: reasonOf(error) }, 'a peer of the index is no member')
    }
  }
  return (others[triedAtATime - 1] ?? listed.at(-1))?.peerId
}
