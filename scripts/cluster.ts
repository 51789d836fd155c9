/**
 * `make start`: an index and three peers with generated files on this machine, until Ctrl-C.
 * `make webserver`: the same, and opens the web page; if they are running already, only that.
 * `make mesh`: five peers without an index.
 */
import { Command } from 'commander'
import { createLogUpdate } from 'log-update'
import { systemClock } from '../common/clock.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { interrupted } from '../common/interrupted.ts'
import { configFile } from '../common/settings.ts'
import {
  StartFailed,
  startTandem,
  type TandemProcess,
  type TandemProcessOptions,
} from '../evaluation/system/tandem-process.ts'
import { type IndexSettings, loadIndexSettings } from '../indexing-server/settings.ts'
import { type HttpPeerOptions, openHttpPeer } from '../peer/api/http-peer.ts'
import type { Status } from '../peer/api/status-shapes.ts'
import { loadPeerSettings } from '../peer/settings.ts'
import { readToken, tokenPlace } from '../peer/token-file.ts'
import { statusLine } from './cluster-status.ts'
import { openPage } from './page-address.ts'
import { runScript } from './run-script.ts'

const peerIds = ['peer1', 'peer2', 'peer3']
const meshPeerIds = [...peerIds, 'peer4', 'peer5']
const lookEveryMs = 500

/** @param more the command that starts one more peer */
const hints = (more: string): string => `
In a second terminal, in this folder:
  npx tandem lookup peer2_kb_0050.txt
  npx tandem download peer2_kb_0050.txt
  npx tandem push package.json --wait
  npx tandem why package.json
  npx tandem list replicated --peer peer3
  npx tandem status
  ${more}      (one more peer, with a prompt)

The files are in data/peer1/shared and so on: what you put there gets its second home.
Ctrl-C stops all of them; their files stay.
`

const { open: opens, mesh: isMesh = false } = new Command('start')
  .description('Starts an index and three peers with generated files, until Ctrl-C.')
  .option('--open', 'open the web page; if the peers are running already, only that')
  .option('--mesh', 'start five peers of a mesh, and no index')
  .parse()
  .opts<{ open?: true; mesh?: true }>()

await runScript(async () => {
  if (opens && (await openRunning())) return
  using stop = interrupted()
  await using processes = new AsyncDisposableStack()
  try {
    const settings = loadIndexSettings({ file: configFile(undefined) }).values
    console.error(`Starting ${isMesh ? 'five peers' : 'an index and three peers'} ...`)
    const { peers, lines, joins } = isMesh
      ? await startPeers(meshPeerIds, processes)
      : await startAll(settings, processes)
    const [first] = peers
    if (first !== undefined) console.log(`Web page: ${first.apiUrl.href}\n`)
    for (const line of lines) console.log(line)
    const more = `npm run tandem -- peer --peer peer${peers.length + 1}`
    console.log(hints([more, ...joins].join(' ')))
    if (opens && first !== undefined) console.log(await openPage(apiOf(first)))
    await watch(peers, settings.replicationFactor, stop.signal)
    console.log('Stopping ...')
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    console.error(`error: ${error.message}`)
    process.exitCode = 1
  }
})

/** Opens the page of a cluster that is running. @returns whether it is */
async function openRunning(): Promise<boolean> {
  const [peer = ''] = peerIds
  const { values } = loadPeerSettings({ file: configFile(undefined), flags: { peer } })
  const url = new URL(`http://127.0.0.1:${values.httpPort}`)
  try {
    console.log(await openPage({ url, peerId: peer }))
    return true
  } catch (error) {
    if (hasCode(error, 'PEER_UNREACHABLE')) return false
    throw error
  }
}

function apiOf({ apiUrl, name }: TandemProcess): HttpPeerOptions {
  return { url: apiUrl, peerId: name }
}

interface Started {
  readonly peers: TandemProcess[]
  /** A line about each process. */
  readonly lines: string[]
  /** What one more peer of a mesh needs to join. */
  readonly joins: readonly string[]
}

/** Starts the index first, so that the peers find it; stops in reverse, so that they can leave it. */
async function startAll(
  { port, httpPort, data: dataFolder }: IndexSettings,
  processes: AsyncDisposableStack,
): Promise<Started> {
  await start({ role: 'index', name: 'index', dataFolder, port, httpPort, flags: [] }, processes)
  // While the index is away, peers answer from what they know of each other.
  const beside = ['--index', `127.0.0.1:${port}`, '--mesh']
  const { peers, lines } = await startPeers(peerIds, processes, beside)
  return { peers, lines: [`index  127.0.0.1:${port}`, ...lines], joins: [] }
}

/** Starts peers one after the other; those of a mesh join through the first. */
async function startPeers(
  names: readonly string[],
  processes: AsyncDisposableStack,
  given: readonly string[] = [],
): Promise<Started> {
  const lines: string[] = []
  const peers: TandemProcess[] = []
  let joins: readonly string[] = []
  for (const name of names) {
    const { values } = loadPeerSettings({ file: configFile(undefined), flags: { peer: name } })
    const { port, httpPort, data: dataFolder } = values
    const flags = [
      '--generate',
      ...given,
      ...(isMesh && joins.length === 0 ? ['--mesh', '--discovery-port', '0'] : joins),
    ]
    const peer = await start({ role: 'peer', name, dataFolder, port, httpPort, flags }, processes)
    peers.push(peer)
    if (isMesh && joins.length === 0) joins = ['--mesh', '--join', `127.0.0.1:${port}`]
    lines.push(`${name}  127.0.0.1:${port}  page and HTTP API ${peer.apiUrl.href}  ${dataFolder}`)
  }
  return { peers, lines, joins }
}

async function start(
  options: Omit<TandemProcessOptions, 'isShielded'>,
  processes: AsyncDisposableStack,
): Promise<TandemProcess> {
  return processes.use(await startTandem({ ...options, isShielded: true }))
}

/** Shows the state of the cluster until `signal` is aborted or no process is left. */
async function watch(
  peers: readonly TandemProcess[],
  factor: number,
  signal: AbortSignal,
): Promise<void> {
  const show = process.stdout.isTTY ? updatingLine() : lineForEachChange()
  while (!signal.aborted && peers.some((peer) => peer.isRunning)) {
    const ended = peers.filter((peer) => !peer.isRunning).map(({ name }) => name)
    const status = await anyStatus(peers)
    show(statusLine({ peers: peers.length, ended, factor, status }))
    await systemClock.sleep(lookEveryMs, signal).catch(() => {})
  }
}

/** The token of a peer, if it has one that can be used; it says itself when it wants another. */
async function knownToken({ dataFolder }: TandemProcess): Promise<string | undefined> {
  const { values } = loadPeerSettings({ file: configFile(undefined) })
  return await readToken(tokenPlace({ ...values, data: dataFolder })).catch(() => undefined)
}

/** The index's status, from the first peer that answers. */
async function anyStatus(peers: readonly TandemProcess[]): Promise<Status | undefined> {
  for (const peer of peers) {
    if (!peer.isRunning) continue
    const { apiUrl: url, name: peerId } = peer
    const token = await knownToken(peer)
    using api = openHttpPeer({ url, peerId, token }, { clock: systemClock })
    try {
      return await api.status()
    } catch (error) {
      if (!(error instanceof AppError)) throw error
    }
  }
  return undefined
}

function updatingLine(): (line: string) => void {
  return createLogUpdate(process.stdout, { showCursor: true })
}

function lineForEachChange(): (line: string) => void {
  let shown = ''
  return (line) => {
    if (line !== shown) console.log(line)
    shown = line
  }
}
