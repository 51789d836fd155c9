/** `make start`: an index and three peers with generated files on this machine, until Ctrl-C. */
import { Command } from 'commander'
import { createLogUpdate } from 'log-update'
import { systemClock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { interrupted } from '../common/interrupted.ts'
import { configFile } from '../common/settings.ts'
import {
  StartFailed,
  startTandem,
  type TandemProcess,
  type TandemProcessOptions,
} from '../evaluation/system/tandem-process.ts'
import { type IndexSettings, loadIndexSettings } from '../indexing-server/settings.ts'
import { openHttpPeer } from '../peer/api/http-peer.ts'
import type { Status } from '../peer/api/shapes.ts'
import { loadPeerSettings } from '../peer/settings.ts'
import { readToken, tokenPlace } from '../peer/token-file.ts'
import { statusLine } from './cluster-status.ts'
import { runScript } from './run-script.ts'

const peerIds = ['peer1', 'peer2', 'peer3']
const lookEveryMs = 500

const hints = `
In a second terminal, in this folder:
  npx tandem lookup peer2_kb_0050.txt
  npx tandem download peer2_kb_0050.txt
  npx tandem push package.json --wait
  npx tandem why package.json
  npx tandem list replicated --peer peer3
  npx tandem status
  npm run tandem -- peer --peer peer4      (one more peer, with a prompt)

The files are in data/peer1/shared and so on: what you put there gets its second home.
Ctrl-C stops the index and the peers; their files stay.
`

new Command('start')
  .description('Starts an index and three peers with generated files, until Ctrl-C.')
  .parse()

await runScript(async () => {
  using stop = interrupted()
  await using processes = new AsyncDisposableStack()
  try {
    const settings = loadIndexSettings({ file: configFile(undefined) }).values
    const peers = await startAll(settings, processes)
    console.log(hints)
    await watch(peers, settings.replicationFactor, stop.signal)
    console.log('Stopping ...')
  } catch (error) {
    if (!(error instanceof StartFailed)) throw error
    console.error(`error: ${error.message}`)
    process.exitCode = 1
  }
})

/**
 * Starts the index first, so that the peers find it; stops in reverse, so that they can leave it.
 */
async function startAll(
  { port, httpPort, data: dataFolder }: IndexSettings,
  processes: AsyncDisposableStack,
): Promise<TandemProcess[]> {
  const start = async (options: Omit<TandemProcessOptions, 'isShielded'>): Promise<TandemProcess> =>
    processes.use(await startTandem({ ...options, isShielded: true }))
  await start({ role: 'index', name: 'index', dataFolder, port, httpPort, flags: [] })
  console.log(`index  127.0.0.1:${port}`)
  const peers: TandemProcess[] = []
  for (const name of peerIds) {
    const { values } = loadPeerSettings({ file: configFile(undefined), flags: { peer: name } })
    const { port, httpPort, data: dataFolder } = values
    const flags = ['--generate']
    peers.push(await start({ role: 'peer', name, dataFolder, port, httpPort, flags }))
    console.log(`${name}  127.0.0.1:${port}  HTTP API http://127.0.0.1:${httpPort}  ${dataFolder}`)
  }
  return peers
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
