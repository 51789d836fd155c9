import type { BackgroundWork } from '../common/background.ts'
import { reasonOf } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import type { Transport } from '../common/protocol/transport.ts'
import { type Random, shuffled } from '../common/random.ts'
import { allPeers } from './api/pages.ts'
import type { ConnectionPool } from './fetch/source/connection-pool.ts'
import type { Finder } from './find/finder.ts'

/** Peers that each peer tells of a change: all of a cluster know after a few steps. */
const peersTold = 8

interface Parts {
  readonly peerId: string
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly finder: () => Pick<Finder, 'peers'>
  readonly background: BackgroundWork
}

/**
 * Tells some other peers when the members of the secured cluster change, besides those with open
 * connections: a peer that cannot reach the index must learn of a revocation, too. Opening a connection is
 * enough, as both sides then exchange what they know.
 */
export function spreadTrust(
  starting: AsyncDisposableStack,
  parts: Parts,
  dependencies: { readonly transport: Transport; readonly random: Random; readonly log: Log },
): void {
  const { trusts } = dependencies.transport
  if (trusts === undefined) return
  let { number } = trusts.trust
  const stop = trusts.onChange(() => {
    if (trusts.trust.number === number) return
    number = trusts.trust.number
    parts.background.start('tell peers of a change in the cluster', (signal) =>
      tellSome(parts, dependencies, signal),
    )
  })
  starting.defer(stop)
}

async function tellSome(
  { peerId, pool, finder }: Parts,
  { random, log }: { readonly random: Random; readonly log: Log },
  signal: AbortSignal,
): Promise<void> {
  // Also those that the index does not reach: they need it most.
  const known = await allPeers({ peers: (page) => finder().peers(page, signal) }, signal).catch(
    () => [],
  )
  const others = known.filter((peer) => peer.peerId !== peerId && peer.state !== 'dead')
  await Promise.all(
    shuffled(others, random)
      .slice(0, peersTold)
      .map(async (peer) => {
        try {
          using _lease = await pool.lease(peer, 'control', signal)
        } catch (error) {
          log.debug({ peerId: peer.peerId, reason: reasonOf(error) }, 'cannot tell a peer')
        }
      }),
  )
}
