/** What works without a peer of one's own: `cat`, and `download --index`. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../common/clock.ts'
import { interrupted } from '../common/interrupted.ts'
import { type Address, parseAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import { type DownloadOptions, download } from '../peer/cli/download-command.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { Client } from '../peer/client.ts'

export interface DirectDownloadOptions extends DownloadOptions {
  readonly index: Address
  readonly output?: string
  readonly replace?: boolean
  readonly json?: boolean
}

/** `--index`, for commands that ask a running peer without it. */
export function indexOption(description: string): Option {
  return new Option('--index <address>', description)
    .argParser(parseIndex)
    .conflicts(['peer', 'api'])
}

/** Gives `download` what it can do without a peer; `throughPeer` does the rest. */
export function addDirectDownload<Options extends object>(
  command: Command,
  terminal: Terminal,
  throughPeer: (name: string, options: Options) => Promise<void>,
): Command {
  return command
    .addOption(indexOption('fetch without a running peer, by the index at HOST:PORT'))
    .option('-o, --output <path>', 'with --index: the file or folder to write (default: here)')
    .option('--replace', 'with --index: take the place of a file of other content')
    .action((name: string, options: Options & Partial<DirectDownloadOptions>) => {
      const { index, output, replace } = options
      if (index !== undefined) return directDownload(name, { ...options, index }, terminal)
      if (output !== undefined || replace !== undefined)
        return command.error("error: '-o' and '--replace' need '--index HOST:PORT'")
      return throughPeer(name, options)
    })
}

async function directDownload(
  name: string,
  options: DirectDownloadOptions,
  terminal: Terminal,
): Promise<void> {
  const { index, output, replace = false, json = false } = options
  const [{ openDirectDownload }, { TargetFile }] = await Promise.all([
    import('../peer/direct-download.ts'),
    import('../peer/target-file.ts'),
  ])
  const workingFolder = process.cwd()
  using stop = interrupted()
  const target = await TargetFile.find({ name, output, workingFolder, replaces: replace })
  await using client = await clientOf(index)
  await using api = await openDirectDownload(target, client)
  const session = { api, terminal, clock: systemClock, workingFolder, signal: stop.signal, json }
  await download(session, name, options)
}

/** A client that says nothing on its own: what goes wrong is told by errors. */
export async function clientOf(index: Address): Promise<Client> {
  const [{ openClient }, { tcpTransport }, { openLog }] = await Promise.all([
    import('../peer/client.ts'),
    import('../common/protocol/tcp-transport.ts'),
    import('../common/log.ts'),
  ])
  const { log } = await openLog({ name: 'client', level: 'silent', format: 'auto', console: false })
  const dependencies = { transport: tcpTransport, clock: systemClock, random: systemRandom, log }
  return openClient(index, dependencies)
}

function parseIndex(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new InvalidArgumentError('It is HOST:PORT.')
  return address
}
