import { Argument, Command } from 'commander'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { AskedForHealth } from './ask-health.ts'
import { caHelp, parseUrl } from './call-options.ts'
import { type ClientOptions, locatePeer } from './client-commands.ts'
import { reachable } from './reachable.ts'

/** `tandem health`: for container engines and service managers. */
export function healthCommand(terminal: Terminal): Command {
  return new Command('health')
    .summary('check whether a process is alive')
    .description(
      'Checks whether a running peer, or the index on this machine, is alive, over HTTPS if the server uses it. The exit code is 1 if it is not.',
    )
    .addArgument(
      new Argument('[process]', 'process to check').choices(['peer', 'index']).default('peer'),
    )
    .option('--peer <id>', 'the peer on this machine (default: as configured, or peer1)')
    .option('--api <url>', 'the peer at http://HOST:PORT or https://HOST:PORT', parseUrl)
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
    .option('--ca <file>', caHelp)
    .action(async (asked: 'peer' | 'index', options: ClientOptions) => {
      const { healthText } = await import('./ask-health.ts')
      await terminal.print(
        await healthText(asked === 'index' ? await locateIndex(options) : await peerOf(options)),
      )
    })
}

async function peerOf(options: ClientOptions): Promise<AskedForHealth> {
  const { peerId, url, trust } = await locatePeer(options)
  const isNamed = options.api === undefined || options.peer !== undefined
  return { name: isNamed ? peerId : url.host, url, trust }
}

/** @throws AppError SETTING_INVALID, IDENTITY_UNUSABLE, DISK_FAILED */
async function locateIndex({ config, ca }: ClientOptions): Promise<AskedForHealth> {
  const [{ configFile }, { isLoopback }, { httpUrl }, { loadIndexSettings }, trusts] =
    await Promise.all([
      import('../common/settings.ts'),
      import('../common/hosts.ts'),
      import('../common/http-url.ts'),
      import('../indexing-server/settings.ts'),
      import('./cluster-trust.ts'),
    ])
  const { data, httpHost, httpPort } = loadIndexSettings({ file: configFile(config) }).values
  const ofCluster = isLoopback(httpHost)
    ? undefined
    : await trusts.clusterTrust(trusts.indexIdentityFolder(data))
  const trust = ofCluster && ca !== undefined ? await trusts.fileTrust(ca) : ofCluster
  const place = { host: reachable(httpHost), port: httpPort, isSecure: trust !== undefined }
  return { name: 'the index', url: new URL(httpUrl(place)), trust }
}
