import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import {
  type Cluster,
  type ClusterOptions,
  type ClusterSettings,
  freePorts,
  settingsOf,
} from './cluster-fixture.ts'
import type { ProcessHost } from './process-host.ts'
import { quickSettings } from './quick-settings.ts'
import { TandemProcess } from './tandem-process.ts'

/** How long the silence of a peer lasts until its files are copied. */
export const deadAfterMs = 3_000

/** Shortens the delays that a mesh normally grants to people and machines. */
export const quickMesh = {
  index: { ...quickSettings.index, heartbeatMs: 500, deadAfterMs, trimAfterMs: 1_500 },
  peer: { ...quickSettings.peer, gossipMs: 200 },
  log: { level: 'debug' },
} as const satisfies ClusterSettings

export interface MeshOptions extends Pick<ClusterOptions, 'settings' | 'prepare' | 'signal'> {
  /** Number of peers: peer1, which the others join, peer2, …. */
  readonly peers: number
  /** Whether peer1 is left for the test to start. */
  readonly isFirstLate?: boolean
  /** Whether peers are told of no other, and find one another on a port that only they use. */
  readonly isDiscovering?: boolean
  /** Additional flags of a peer. */
  readonly flagsOf?: (name: string) => readonly string[]
  /** The number in the id of the first one; 1 by default. */
  readonly firstNumber?: number
  /** Where they run, each on its own host. */
  readonly hosts?: readonly ProcessHost[]
}

/** Peers without an index. Disposing stops all processes and removes their data. */
export type MeshCluster = Omit<Cluster, 'index' | 'startPeer'> & {
  /** Starts one more peer. @param joins which peers it is told to join; by default the first */
  startPeer(joins?: readonly number[]): Promise<TandemProcess>
  /** The UDP port on which they find one another; 0 if they do not. */
  readonly discoveryPort: number
}

/** Peers as real processes, by default told to join the first one; resolves when they are ready. */
export async function startMesh(options: MeshOptions): Promise<MeshCluster> {
  // Disposed here if the start fails half-way; moved to the caller otherwise.
  await using starting = new AsyncDisposableStack()
  const stack = starting.use(new AsyncDisposableStack())
  const folder = stack.use(await temporaryFolder()).path
  const config = join(folder, 'config.json')
  const { settings = quickMesh, prepare, firstNumber = 1, hosts, signal } = options
  const { isFirstLate = false, isDiscovering = false, flagsOf = () => [] } = options
  const [discoveryPort] = isDiscovering ? await freePorts() : [0]
  await writeFile(config, JSON.stringify(settingsOf({ settings }, join(folder, 'logs'))))
  const peers: TandemProcess[] = []
  const nextPeer = async (joins: readonly number[]): Promise<TandemProcess> => {
    const name = `peer${peers.length + firstNumber}`
    const dataFolder = join(folder, name)
    const [port, httpPort] = await freePorts()
    await prepare?.(name, join(dataFolder, 'shared'))
    const addressOf = (number: number): string =>
      `${hosts?.[number - 1]?.address ?? '127.0.0.1'}:${peers[number - 1]?.port}`
    const host = hosts?.[peers.length]
    assert(hosts === undefined || host !== undefined, `there is no host for ${name}`)
    if (host !== undefined) stack.use(await host.openDoor(httpPort))
    const listen = host === undefined ? [] : ['--host', host.address, '--insecure']
    const discovery = ['--discovery-port', String(discoveryPort)]
    const joined = ['--join', joins.map(addressOf).join(',')]
    const flags = [
      '--config',
      config,
      '--mesh',
      ...listen,
      ...discovery,
      ...joined,
      ...flagsOf(name),
    ]
    const given = { role: 'peer', name, dataFolder, port, httpPort, host, flags, signal } as const
    const peer = stack.use(new TandemProcess(given, { clock: systemClock }))
    peers.push(peer)
    return peer
  }
  const usualJoins = (): number[] => (peers.length === 0 || isDiscovering ? [] : [1])
  const startPeer = async (joins = usualJoins()): Promise<TandemProcess> => {
    const peer = await nextPeer(joins)
    await peer.start()
    return peer
  }
  if (isFirstLate) await nextPeer([])
  while (peers.length < options.peers) await startPeer()
  const peer = (number: number): TandemProcess => {
    const found = peers[number - 1]
    assert(found !== undefined, `there are only ${peers.length} peers`)
    return found
  }
  const started = starting.move()
  const dispose = async (): Promise<void> => await started.disposeAsync()
  return { peers, peer, folder, startPeer, discoveryPort, [Symbol.asyncDispose]: dispose }
}
