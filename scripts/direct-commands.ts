/** Commands that need no local peer: `cat`, and `download --index`. */
import { resolve } from 'node:path'
import { type Command, InvalidArgumentError, Option } from 'commander'
import { systemClock } from '../common/clock.ts'
import { AppError, hasCode } from '../common/errors.ts'
import { untilInterrupted } from '../common/interrupted.ts'
import { type Address, parseAddress } from '../common/protocol/transport.ts'
import { systemRandom } from '../common/random.ts'
import type { PeerApi } from '../peer/api/calls.ts'
import { type DownloadOptions, download, isPattern } from '../peer/cli/download-command.ts'
import { wantedOf } from '../peer/cli/name-of-content.ts'
import type { Terminal } from '../peer/cli/terminal.ts'
import type { Client } from '../peer/direct/client.ts'
import type { DirectDownload } from '../peer/direct/direct-download.ts'
import type { Target } from '../peer/direct/target.ts'
import { silentLog } from './silent-log.ts'

export interface DirectDownloadOptions extends DownloadOptions {
  readonly index: Address
  readonly identity?: string
  readonly output?: string
  readonly replace?: boolean
  readonly json?: boolean
}

/** `--index`, which excludes the options for a running peer. */
export function indexOption(description: string): Option {
  return new Option('--index <address>', description)
    .argParser(parseIndex)
    .conflicts(['peer', 'api'])
}

/** `--identity`, for secured clusters. */
export function identityOption(): Option {
  return new Option(
    '--identity <folder>',
    'with --index: folder with the identity for a secured cluster, from `tandem cluster join`',
  )
}

/** Adds downloads without a peer to `download`; `throughPeer` does the others. */
export function addDirectDownload<Options extends object>(
  command: Command,
  terminal: Terminal,
  throughPeer: (name: string, options: Options) => Promise<void>,
): Command {
  return command
    .addOption(indexOption('fetch without a running peer, from the index at HOST:PORT'))
    .option(
      '-o, --output <path>',
      'with --index: file or folder to write (default: working folder)',
    )
    .option('--replace', 'with --index: replace a file with different content')
    .addOption(identityOption())
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
  await untilInterrupted(async (signal) => await downloadUntil(signal, name, options, terminal))
}

async function downloadUntil(
  signal: AbortSignal,
  typed: string,
  asked: DirectDownloadOptions,
  terminal: Terminal,
): Promise<void> {
  const { index, json = false } = asked
  await using client = await clientOf(index, asked.identity)
  const { name, sha256 } = await wantedOf(
    { name: typed, sha256: asked.sha256 },
    lookups(client),
    signal,
  )
  const options = { ...asked, ...(sha256 !== undefined && { sha256 }) }
  const base = { terminal, clock: systemClock, workingFolder: process.cwd(), json, signal }
  const run = async (open: typeof openSingle): Promise<void> => {
    await using api = await open(name, options, client)
    const discardHint = (): string => `removing ${api.folderBeside} discards it`
    await download({ ...base, api: { ...api, ...lookups(client) }, discardHint }, name, options)
  }
  if (isPattern(name)) return await run(openGroup)
  try {
    await run(openSingle)
  } catch (error) {
    // It may name a folder.
    const isDeleted = hasCode(error, 'FILE_DELETED')
    const isAbsent = isDeleted || hasCode(error, 'NAME_NOT_FOUND')
    if (!isAbsent || options.sha256 !== undefined) throw error
    await run(openGroup).catch((failure: unknown) => {
      throw isDeleted && hasCode(failure, 'NO_MATCH') ? error : failure
    })
  }
}

/** What is asked about contents and names, at the index. */
function lookups({ finder }: Client): Pick<PeerApi, 'findContent' | 'lookup'> {
  return {
    findContent: async ({ sha256 }, signal) => ({
      sha256,
      ...(await finder.findContent(sha256, signal)),
    }),
    lookup: async ({ name }, signal) => ({ name, files: await finder.lookup(name, signal) }),
  }
}

async function openSingle(
  name: string,
  options: DirectDownloadOptions,
  client: Client,
): Promise<DirectDownload> {
  const { findTarget } = await import('../peer/direct/target.ts')
  const { output } = options
  return await openTarget(
    await findTarget(name, { output, workingFolder: process.cwd() }),
    options,
    client,
  )
}

async function openGroup(
  pattern: string,
  options: DirectDownloadOptions,
  client: Client,
): Promise<DirectDownload> {
  const { folderTarget } = await import('../peer/direct/target.ts')
  return await openTarget(folderTarget(resolve(options.output ?? '.'), pattern), options, client)
}

async function openTarget(
  target: Target,
  { replace: replaces = false }: DirectDownloadOptions,
  client: Client,
): Promise<DirectDownload> {
  const [{ openDirectDownload }, { DirectShelf }] = await Promise.all([
    import('../peer/direct/direct-download.ts'),
    import('../peer/direct/direct-shelf.ts'),
  ])
  await using opening = new AsyncDisposableStack()
  const shelf = opening.use(new DirectShelf(target, { replaces }, client))
  const api = opening.use(await openDirectDownload(shelf, client))
  const stack = opening.move()
  return { ...api, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/**
 * A client that logs nothing: errors report failures.
 * @param identity the folder of its identity in a secured cluster, if it has one
 * @throws AppError IDENTITY_UNUSABLE, NO_IDENTITY
 */
export async function clientOf(index: Address, identity?: string): Promise<Client> {
  const [{ openClient }, { tcpTransport }] = await Promise.all([
    import('../peer/direct/client.ts'),
    import('../common/protocol/tcp-transport.ts'),
  ])
  const dependencies = { clock: systemClock, random: systemRandom, log: await silentLog() }
  if (identity === undefined) return openClient(index, { ...dependencies, transport: tcpTransport })
  const { openCluster } = await import('../common/identity/open-cluster.ts')
  const folder = resolve(identity)
  const cluster = await openCluster({ folder, names: [], authorityAt: index }, dependencies)
  if (cluster === undefined) throw new AppError('NO_IDENTITY', { folder })
  await using opening = new AsyncDisposableStack()
  opening.use(cluster)
  const client = opening.use(openClient(index, { ...dependencies, transport: cluster.transport }))
  const stack = opening.move()
  return { ...client, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

function parseIndex(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new InvalidArgumentError('Must be HOST:PORT.')
  return address
}
