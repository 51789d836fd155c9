import type { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { AppError } from '../common/errors.ts'
import { isLoopback } from '../common/hosts.ts'
import { httpUrl } from '../common/http-url.ts'
import { untilInterrupted } from '../common/interrupted.ts'
import type { ValuesOf } from '../common/settings.ts'
import type { HttpPeerOptions } from '../peer/api/http-peer.ts'
import type { HttpsTrust } from '../peer/api/https-trust.ts'
import type { CommonOptions, RunCommand } from '../peer/cli/command.ts'
import { peerCommands } from '../peer/cli/commands.ts'
import { type DownloadOptions, download } from '../peer/cli/download-command.ts'
import type { Session } from '../peer/cli/session.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { peerSettings } from '../peer/settings.ts'
import { addCallOptions } from './call-options.ts'
import { addDirectDownload } from './direct-commands.ts'
import { reachable } from './reachable.ts'

export interface ClientOptions extends CommonOptions {
  readonly peer?: string
  readonly api?: URL
  readonly config?: string
  readonly tokenFile?: string
  readonly ca?: string
  /** The peer's data folder, where that is not as configured. */
  readonly data?: string
}

/** The commands that call a running peer over HTTP; `download` can work without one. */
export function clientCommands(terminal: Terminal): Command[] {
  const run: RunCommand<ClientOptions> = (options, work) => withPeer(options, terminal, work)
  const commands = peerCommands(run)
  for (const command of commands)
    addCallOptions(command)
      .option('--peer <id>', 'call this local peer (default: as configured, or peer1)')
      .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
  const downloading = commands.find((command) => command.name() === 'download')
  if (downloading !== undefined)
    addDirectDownload<ClientOptions & DownloadOptions>(downloading, terminal, (name, options) =>
      run(options, (session) => download(session, name, options)),
    )
  return commands
}

/** Runs `work` with a running peer, over HTTP. @throws AppError PEER_UNREACHABLE, SETTING_INVALID */
export async function withPeer(
  options: ClientOptions,
  terminal: Terminal,
  work: (session: Session) => Promise<void>,
): Promise<void> {
  // Only now: its schemas take longer to load than all the rest.
  const { openHttpPeer } = await import('../peer/api/http-peer.ts')
  using api = openHttpPeer(await locatePeer(options), { clock: systemClock })
  const { json = false } = options
  const workingFolder = process.cwd()
  await untilInterrupted((signal) =>
    work({ api, terminal, clock: systemClock, workingFolder, signal, json }),
  )
}

/** The HTTP API of the named or configured peer, with its token if that is known. */
export async function locatePeer({
  api,
  peer,
  config,
  tokenFile,
  ca,
  data,
}: ClientOptions): Promise<HttpPeerOptions> {
  const [{ configFile, loadSettings }, { defaultPort, peerSettings }] = await Promise.all([
    import('../common/settings.ts'),
    import('../peer/settings.ts'),
  ])
  const flags = { peer, tokenFile, data }
  const { values } = loadSettings(peerSettings, { file: configFile(config), flags })
  if (api !== undefined) {
    // The data folder here is not that of a peer elsewhere, and its token is not for others.
    const token = values.tokenFile === undefined ? undefined : await knownToken(values)
    const isSecure = api.protocol === 'https:'
    const trust = isSecure ? await trustElsewhere(values, { ca, peer }) : undefined
    return { url: api, peerId: peer ?? 'peer1', token, trust }
  }
  const port = values.httpPort ?? defaultPort(values.id, 'httpPort')
  if (port === undefined) {
    const reason = `'${values.id}' does not imply the port of its HTTP API: use --api http://HOST:PORT`
    throw new AppError('SETTING_INVALID', { origin: '--peer', path: 'the peer id', reason })
  }
  const trust = await trustHere(values, ca)
  const host = reachable(values.httpHost)
  const url = new URL(httpUrl({ host, port, isSecure: trust !== undefined }))
  return { url, peerId: values.id, token: await knownToken(values), trust }
}

/**
 * What is trusted to be a peer on this machine, which must be the one that is called; undefined if it
 * speaks plain HTTP.
 * @throws AppError IDENTITY_UNUSABLE, DISK_FAILED, SETTING_INVALID
 */
async function trustHere(
  { id, data, httpHost }: TokenSettings & { readonly httpHost: string },
  ca: string | undefined,
): Promise<HttpsTrust | undefined> {
  // Plain HTTP on loopback, whatever its identity.
  if (isLoopback(httpHost)) return undefined
  const { clusterTrust, fileTrust, peerIdentityFolder } = await import('./cluster-trust.ts')
  const ofCluster = await clusterTrust(peerIdentityFolder(data ?? `data/${id}`))
  if (ofCluster === undefined) return undefined
  return { ...ofCluster, ...(ca !== undefined && (await fileTrust(ca))) }
}

/**
 * What is trusted to be a server elsewhere: with a certificate of this cluster, or one that this machine
 * trusts, such as that of a proxy.
 * @throws AppError IDENTITY_UNUSABLE, DISK_FAILED, SETTING_INVALID
 */
async function trustElsewhere(
  { id, data }: TokenSettings,
  { ca, peer }: { readonly ca: string | undefined; readonly peer: string | undefined },
): Promise<HttpsTrust> {
  const { clusterTrust, fileTrust, peerIdentityFolder } = await import('./cluster-trust.ts')
  if (ca !== undefined) return { ...(await fileTrust(ca)), memberId: peer }
  const { getCACertificates } = await import('node:tls')
  const ofCluster = await clusterTrust(peerIdentityFolder(data ?? `data/${id}`))
  const all = [...(ofCluster?.ca ?? []), ...getCACertificates('default')]
  return { ...ofCluster, ca: all, memberId: peer }
}

/** @throws AppError TOKEN_UNUSABLE if the settings name its file */
async function knownToken({ id, data, tokenFile }: TokenSettings): Promise<string | undefined> {
  const { readToken, tokenPlace } = await import('../peer/token-file.ts')
  const place = tokenPlace({ data: data ?? `data/${id}`, tokenFile })
  try {
    return await readToken(place)
  } catch (error) {
    // Most peers want none, and the others say so.
    if (place.isOwn) return undefined
    throw error
  }
}

type TokenSettings = Pick<ValuesOf<(typeof peerSettings)['table']>, 'id' | 'data' | 'tokenFile'>
