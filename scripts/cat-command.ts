import { Command } from 'commander'
import { systemClock } from '../common/clock.ts'
import { untilInterrupted } from '../common/interrupted.ts'
import type { Address } from '../common/protocol/transport.ts'
import { parseSha256 } from '../peer/cli/download-command.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { ReadRequest } from '../peer/fetch/stream/read-in-order.ts'
import { caHelp, parseUrl, tokenFileHelp } from './call-options.ts'
import { type ClientOptions, locatePeer } from './client-commands.ts'
import { clientOf, identityOption, indexOption } from './direct-commands.ts'

interface CatOptions extends ClientOptions {
  readonly index?: Address
  readonly identity?: string
  readonly sha256?: string
}

/** `tandem cat`: streams a file to stdout. */
export function catCommand(terminal: Terminal): Command {
  return new Command('cat')
    .summary('stream a file to stdout')
    .description(
      'Streams a file to stdout from the peers that have it, in order; each part is verified before it is written.',
    )
    .argument('<name>', 'full name of a file')
    .option('--sha256 <hex>', 'version to fetch, if the name has several', parseSha256)
    .addOption(indexOption('HOST:PORT of the index (default: as configured for peers)'))
    .addOption(identityOption())
    .option('--peer <id>', 'look up sources through this local peer')
    .option(
      '--api <url>',
      'look up sources through the peer at http://HOST:PORT or https://HOST:PORT',
      parseUrl,
    )
    .option('--token-file <file>', tokenFileHelp)
    .option('--ca <file>', caHelp)
    .option('--config <file>', 'settings file (default: config/config.json, if it exists)')
    .action((name: string, options: CatOptions) => cat(name, options, terminal))
}

async function cat(name: string, options: CatOptions, terminal: Terminal): Promise<void> {
  await untilInterrupted(async (signal) => await catUntil(signal, name, options, terminal))
}

async function catUntil(
  signal: AbortSignal,
  name: string,
  options: CatOptions,
  terminal: Terminal,
): Promise<void> {
  const { readInOrder } = await import('../peer/fetch/stream/read-in-order.ts')
  await using client = await clientOf(
    options.index ?? (await configuredIndex(options.config)),
    options.identity,
  )
  const { openHttpPeer } = await import('../peer/api/http-peer.ts')
  const isPeerAsked = options.peer !== undefined || options.api !== undefined
  using peer = isPeerAsked
    ? openHttpPeer(await locatePeer(options), { clock: systemClock })
    : undefined
  const lookup: ReadRequest['lookup'] = async (asked, lookupSignal) => {
    if (peer === undefined) return await client.finder.lookup(asked, lookupSignal)
    const { files } = await peer.lookup({ name: asked }, lookupSignal)
    client.programFiles.noteFound(asked, files)
    return files
  }
  await readInOrder(
    {
      name,
      sha256: options.sha256,
      signal,
      lookup,
      write: (bytes) => terminal.write(bytes),
    },
    client,
  )
}

/** The configured address of the index. @throws AppError SETTING_INVALID */
async function configuredIndex(config: string | undefined): Promise<Address> {
  const [{ configFile, loadSettings }, { indexAddress, peerSettings }] = await Promise.all([
    import('../common/settings.ts'),
    import('../peer/settings.ts'),
  ])
  return indexAddress(loadSettings(peerSettings, { file: configFile(config), flags: {} }))
}
