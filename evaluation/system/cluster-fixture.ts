import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { systemErrorCode } from '../../common/errors.ts'
import { systemRandom } from '../../common/random.ts'
import type { SettingSection } from '../../common/settings.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { type HttpPeer, openHttpPeer } from '../../peer/api/http-peer.ts'
import type { ProcessHost } from './process-host.ts'
import { startTandem, type TandemProcess } from './tandem-process.ts'

/** Contents of a config file. */
export type ClusterSettings = Partial<Record<SettingSection, Readonly<Record<string, unknown>>>>

export interface ClusterOptions {
  /** Number of peers to start: peer1, peer2, …. */
  readonly peers: number
  /** The replication factor; by default the index's own default. */
  readonly factor?: number
  readonly settings?: ClusterSettings
  /** Data folder of the index; by default in the cluster's folder. */
  readonly indexFolder?: string
  /** Fills a peer's shared/ before it starts. */
  readonly prepare?: (peerId: string, sharedFolder: string) => Promise<void>
  /** Where they run, each on its own host: the index on the first, peers on the following ones. */
  readonly hosts?: readonly ProcessHost[]
  /** Whether it is a secured cluster, of which the index has the authority. */
  readonly isSecured?: boolean
  /** Ends waiting for the start of a process when aborted. */
  readonly signal?: AbortSignal
}

/** Options of one peer. */
export interface PeerOptions {
  /** Its data folder; by default in the cluster's folder. */
  readonly dataFolder?: string
  /** Additional flags. */
  readonly flags?: readonly string[]
  /** Whether it is given its name as its id; by default it is. */
  readonly isNamed?: boolean
  /**
   * Starts a proxy between the peer on this port and all others: it listens on the same port of
   * {@link proxyHost}, which the peer advertises. The cluster disposes it.
   */
  readonly proxy?: (port: number) => Promise<AsyncDisposable>
}

/** All of 127.0.0.0/8 is the local machine. */
export const proxyHost = '127.0.0.2'

/** Disposing stops all processes and removes their data. */
export interface Cluster extends AsyncDisposable {
  readonly index: TandemProcess
  /** In order of their start; grows with {@link Cluster.startPeer}. */
  readonly peers: readonly TandemProcess[]
  /** The n-th started peer, counted from 1. */
  peer(number: number): TandemProcess
  /** Parent of the data folders. */
  readonly folder: string
  /** Starts one more peer, by default with the next id. */
  startPeer(peerId?: string, options?: PeerOptions): Promise<TandemProcess>
}

/**
 * An index and peers as real processes, on free ports of this machine or on their own hosts, with
 * their data in a temporary folder; resolves when all of them are ready.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  // Disposed here if the start fails half-way; moved to the caller otherwise.
  await using starting = new AsyncDisposableStack()
  const stack = starting.use(new AsyncDisposableStack())
  const folder = stack.use(await temporaryFolder()).path
  const config = join(folder, 'config.json')
  await writeFile(config, JSON.stringify(settingsOf(options, join(folder, 'logs'))))

  const freeHosts = options.hosts?.values()
  const start = async (
    role: 'index' | 'peer',
    name: string,
    { dataFolder = join(folder, name), flags = [], isNamed, proxy }: PeerOptions = {},
  ): Promise<TandemProcess> => {
    const [port, httpPort] = await freePorts()
    // Before the peer: the index connects to a peer as soon as it registers.
    if (proxy !== undefined) stack.use(await proxy(port))
    if (role === 'peer') await options.prepare?.(name, join(dataFolder, 'shared'))
    const host = freeHosts?.next().value
    assert(freeHosts === undefined || host !== undefined, `there is no host for ${name}`)
    if (host !== undefined) stack.use(await host.openDoor(httpPort))
    const listen = host === undefined ? [] : ['--host', host.address, '--insecure']
    const advertised = proxy === undefined ? [] : ['--advertise-host', proxyHost]
    const all = ['--config', config, ...listen, ...advertised, ...flags]
    const { signal } = options
    const given = { role, name, dataFolder, port, httpPort, host, isNamed, flags: all, signal }
    return stack.use(await startTandem(given))
  }
  const { indexFolder } = options
  const tokenFile = join(folder, 'join-token')
  const securing = options.isSecured === true ? ['--secure', '--token-out', tokenFile] : []
  const joining = options.isSecured === true ? ['--join-file', tokenFile] : []
  const index = await start('index', 'index', {
    flags: securing,
    ...(indexFolder !== undefined && { dataFolder: indexFolder }),
  })
  const peers: TandemProcess[] = []
  const startPeer: Cluster['startPeer'] = async (
    peerId = `peer${peers.length + 1}`,
    { flags = [], ...others } = {},
  ) => {
    const toIndex = ['--index', `${options.hosts?.[0]?.address ?? '127.0.0.1'}:${index.port}`]
    const peer = await start('peer', peerId, {
      ...others,
      flags: [...toIndex, ...joining, ...flags],
    })
    peers.push(peer)
    return peer
  }
  while (peers.length < options.peers) await startPeer()
  const peer = (number: number): TandemProcess => {
    const found = peers[number - 1]
    assert(found !== undefined, `only ${peers.length} peers were started`)
    return found
  }
  const started = starting.move()
  const dispose = async (): Promise<void> => await started.disposeAsync()
  return { index, peers, peer, folder, startPeer, [Symbol.asyncDispose]: dispose }
}

/** The peer's HTTP API, as seen from outside. */
export function apiOf(peer: TandemProcess): HttpPeer {
  return openHttpPeer({ url: peer.apiUrl, peerId: peer.name }, { clock: systemClock })
}

/** The contents of the config file of a cluster. */
export function settingsOf(
  { settings = {}, factor }: Pick<ClusterOptions, 'settings' | 'factor'>,
  logFolder: string,
): ClusterSettings {
  const index = { ...settings.index, ...(factor !== undefined && { replicationFactor: factor }) }
  // An index in each of many processes is started only where a test is about it: with --mesh.
  const peer = { mesh: false, ...settings.peer }
  return { ...settings, index, peer, log: { ...settings.log, folder: logFolder } }
}

/** Below the range for outgoing connections: a restarted process finds its ports free. */
const ports = { first: 20_000, perWorker: 3_000, workers: 4 } as const
/** A port is free between being chosen and being used: workers that run at the same time share none. */
// oxlint-disable-next-line no-restricted-properties -- Vitest numbers its workers here
const worker = Number(process.env['VITEST_POOL_ID'] ?? 0) % ports.workers

/** Two free ports. Chosen here, because a restarted process needs the same ones. */
export async function freePorts(): Promise<[number, number]> {
  await using first = await holdFreePort()
  await using second = await holdFreePort()
  return [first.port, second.port]
}

/** Listens on a free port until disposed. */
async function holdFreePort(): Promise<{ port: number } & AsyncDisposable> {
  for (;;) {
    const place = worker + systemRandom.fraction()
    const port = ports.first + Math.floor(place * ports.perWorker)
    const server = createServer()
    try {
      await once(server.listen(port, '127.0.0.1'), 'listening')
      return { port, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
    } catch (error) {
      if (systemErrorCode(error) !== 'EADDRINUSE') throw error
    }
  }
}
