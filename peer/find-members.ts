import type { BackgroundWork } from '../common/background.ts'
import { outsideAddresses } from '../common/outside-addresses.ts'
import type { Announcer } from './announce/announcer.ts'
import type { PeerDependencies } from './join-cluster.ts'
import { meetAtIndex } from './meet-at-index.ts'
import { Discovery } from './mesh/discovery.ts'
import type { Mesh } from './mesh/mesh.ts'
import type { PeerSettings } from './settings.ts'

type Settings = Pick<PeerSettings, 'discoveryPort' | 'host' | 'index' | 'join' | 'peerId'>

interface Parts {
  readonly mesh: Mesh
  readonly background: BackgroundWork
  /** Where this peer serves. */
  readonly port: number
  /** The index of the cluster, if there is one. */
  readonly cluster: Pick<Announcer, 'connected'> | undefined
}

/**
 * Finds other members where this peer was not told whom to join: among the peers of its index or, without
 * one, in the local network, where otherwise another mesh may be. It is stopped with `starting`.
 */
export function findMembers(
  { peerId, host, index, join: joins, discoveryPort }: Settings,
  starting: AsyncDisposableStack,
  { mesh, background, port, cluster }: Parts,
  dependencies: PeerDependencies,
): void {
  if (cluster !== undefined) {
    const connected = cluster.connected.bind(cluster)
    background.start('meet members at the index', (signal) =>
      meetAtIndex({ ...dependencies, peerId, mesh, connected }, signal),
    )
  }
  const { multicast } = dependencies
  if (multicast === undefined || discoveryPort === 0) return
  if (index !== undefined || joins.length > 0) return
  const options = { host, port, discoveryPort }
  const addresses = outsideAddresses
  starting.use(Discovery.start(options, { ...dependencies, mesh, multicast, addresses }))
}
