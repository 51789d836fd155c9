import { resolve } from 'node:path'
import { systemClock } from '../common/clock.ts'
import { checkExposure, type Exposure } from '../common/exposure.ts'
import { httpUrl } from '../common/http-url.ts'
import { logSettings } from '../common/log-settings.ts'
import { udpMulticast } from '../common/protocol/multicast.ts'
import { tcpTransport } from '../common/protocol/tcp-transport.ts'
import { formatAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import { type ProcessContext, runProcess } from '../common/run-process.ts'
import { configFile, loadSettings } from '../common/settings.ts'
import { enterCluster, indexOf } from './enter-cluster.ts'
import { limitSettings, toLimitSettings } from './limit/limit-settings.ts'
import type { StartOwnIndex } from './mesh/own-index.ts'
import { type Peer, type PeerOptions, startPeer } from './peer.ts'
import {
  loadPeerSettings,
  type PeerSettings,
  type StartSettings,
  toPeerSettings,
} from './settings.ts'

/**
 * Runs a peer until a signal or, at a prompt, `exit` stops it.
 * @param flags as the command line parser returns them
 * @param startOwnIndex needed for a mesh
 * @throws AppError SETTING_INVALID, ADDRESS_IN_USE, DATA_IN_USE, DATA_OF_OTHER_PEER, DATABASE_UNUSABLE, DISK_FAILED
 */
export async function runPeer(
  flags: Readonly<Record<string, unknown>>,
  startOwnIndex?: StartOwnIndex,
): Promise<void> {
  const file = configFile(typeof flags['config'] === 'string' ? flags['config'] : undefined)
  const loaded = loadPeerSettings({ file, flags })
  const settings = {
    ...toPeerSettings(loaded),
    limits: toLimitSettings(loadSettings(limitSettings, { file, flags })),
  }
  const log = loadSettings(logSettings, { file, flags }).values
  const options = {
    name: settings.peerId,
    log,
    hasPrompt: !settings.headless,
    isHeadless: settings.headless,
  }
  await runProcess(options, { clock: systemClock }, (context) => {
    if (loaded.origins.id === 'default') tellId(settings, context)
    return run(settings, loaded.values.insecure, context, startOwnIndex).catch((error: unknown) => {
      // It was told to stop while it waited to join.
      if (!context.stop.aborted) throw error
    })
  })
}

function exposureOf(
  { host, httpHost, index, peerId }: PeerSettings,
  { hasIdentity, isAccepted }: Pick<Exposure, 'hasIdentity' | 'isAccepted'>,
): Exposure {
  const joining = 'Give `--join TOKEN@HOST:PORT` once, with a token of the cluster'
  const founding = `to found a mesh, run \`tandem cluster init --peer ${peerId}\` once`
  return {
    listening: [
      { host, flag: '--host' },
      { host: httpHost, flag: '--http-host' },
    ],
    hasIdentity,
    isAccepted,
    remedy: index === undefined ? `${joining}; ${founding}` : joining,
  }
}

async function run(
  starting: StartSettings & PeerOptions,
  isAccepted: boolean,
  context: ProcessContext,
  startOwnIndex: StartOwnIndex | undefined,
): Promise<void> {
  const { log, stack, stopped, ready } = context
  const entering = { clock: systemClock, random: systemRandom, log, stop: context.stop }
  const cluster = stack.use(await enterCluster(starting, entering))
  const exposure = exposureOf(starting, { hasIdentity: cluster !== undefined, isAccepted })
  const isInsecure = checkExposure(exposure, context)
  const settings = { ...starting, index: indexOf(starting, cluster), isInsecure }
  const dependencies = {
    transport: cluster?.transport ?? tcpTransport,
    desk: cluster?.desk,
    identity: cluster?.identity,
    askAuthority: cluster?.askAuthority,
    findAuthorityBy: cluster?.findAuthorityBy,
    onNews: cluster?.onNews,
    multicast: udpMulticast,
    clock: systemClock,
    random: systemRandom,
    log,
    startOwnIndex,
  }
  const peer = stack.use(await startPeer(settings, dependencies))
  ready(readySentence(settings, peer), {
    address: formatAddress(peer.address),
    http: httpUrl(peer.webAddress),
    data: resolve(settings.data),
  })
  if (settings.headless) await stopped
  else await prompt(settings, peer, context)
}

/** For who wonders which peer this is. */
function tellId({ peerId, data }: PeerSettings, { log }: ProcessContext): void {
  log.info(
    { peerId, data: resolve(data) },
    'no peer id was given: the data folder, or the default, says it',
  )
}

function readySentence(
  { peerId, data, headless, isInsecure = false }: PeerOptions,
  peer: Peer,
): string {
  const where = `${peerId} is ready: it serves ${data}/shared on ${formatAddress(peer.address)}`
  const http = `HTTP API on ${httpUrl(peer.webAddress)}`
  const danger = isInsecure
    ? ' INSECURE: every machine that reaches it can read, change and delete files.'
    : ''
  return `${where}, ${http}.${danger}${headless ? '' : " Type 'help' for the commands."}`
}

async function prompt(
  { data }: PeerSettings,
  peer: Peer,
  { log, stop }: ProcessContext,
): Promise<void> {
  const { runPrompt } = await import('./cli/prompt.ts')
  await runPrompt(
    { historyFile: resolve(data, '.tandem', 'history'), workingFolder: process.cwd() },
    {
      api: peer.api,
      onLeave: () => peer.leaveForGood(),
      input: process.stdin,
      output: process.stdout,
      errors: process.stderr,
      clock: systemClock,
      log,
    },
    stop,
  )
}
