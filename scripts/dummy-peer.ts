/**
 * `tandem dummy`: a scripted peer for experiments. It shares a few generated files from memory,
 * announces them if there is an index, and prints every request it receives.
 */
import { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { chunkCountFor, chunkRange } from '../common/content/chunks.ts'
import { ContentHasher } from '../common/content/hash.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import { bytesSource } from '../common/protocol/bulk.ts'
import { connect } from '../common/protocol/client.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type { Content, ReadOutcome } from '../common/protocol/messages.ts'
import { noMesh } from '../common/protocol/no-mesh.ts'
import { startServer } from '../common/protocol/server.ts'
import { type Address, formatAddress, type Transport } from '../common/protocol/transport.ts'
import { type Random, randomId } from '../common/random.ts'
import { printable, printableJson } from '../peer/cli/printable.ts'
import { generatedFiles } from '../peer/generate.ts'

export interface DummyOptions {
  readonly peerId: string
  readonly address: Address
  readonly index: Address
}

export interface DummyDependencies {
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Prints one line. */
  readonly print: (line: string) => void
}

interface DummyFile {
  readonly name: string
  readonly content: Content
  readonly bytes: Buffer
  readonly chunkList: Buffer
}

/** The sender of a request. */
type Sender = string

const retryMs = 2_000

/** @throws AppError ADDRESS_IN_USE, DIAL_FAILED if the address is unavailable */
export async function startDummy(
  options: DummyOptions,
  dependencies: DummyDependencies,
): Promise<AsyncDisposable & { readonly address: Address }> {
  await using started = new AsyncDisposableStack()
  const { transport, clock, log, print } = dependencies
  const files = await madeUpFiles(options.peerId)
  const server = started.use(
    await startServer<'peer', Sender>(
      { role: 'peer', address: options.address, connectionsMax: limits.connectionsMax },
      {
        transport,
        clock,
        log,
        handlers: saying(dummyHandlers(files), files, print),
        welcome: async (hello, { remote }) => {
          const session = `${hello.peerId ?? 'a client'} at ${formatAddress(remote)}`
          print(`${session}: hello`)
          return { reply: { peerId: options.peerId }, session }
        },
      },
    ),
  )
  print(`${options.peerId} serves ${files.length} files at ${formatAddress(server.address)}:`)
  for (const { name, content } of files) print(`  ${name} (${content.size} bytes)`)
  const work = started.use(new BackgroundWork({ log }))
  work.start('announcing', (signal) =>
    keepAnnounced({ ...options, address: server.address }, files, dependencies, signal),
  )
  const running = started.move()
  return {
    address: server.address,
    [Symbol.asyncDispose]: async () => await running.disposeAsync(),
  }
}

async function madeUpFiles(peerId: string): Promise<DummyFile[]> {
  const files: DummyFile[] = []
  for (const { name, bytes } of generatedFiles({ peerId, kb: 3, mb: 1, seed: 'dummy' })) {
    const hasher = new ContentHasher()
    await hasher.update(bytes)
    const hashed = await hasher.finish()
    if (hashed !== undefined) files.push({ name, bytes, ...hashed })
  }
  return files
}

type DummyHandlers = Handlers<'peer' | 'client', 'peer', Sender>

function dummyHandlers(files: readonly DummyFile[]): DummyHandlers {
  const find = (sha256: string): DummyFile => {
    const file = files.find(({ content }) => content.sha256 === sha256)
    if (file === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    return file
  }
  return {
    ...noMesh,
    'past-transfers': async () => ({ transfers: [], isMore: false }),
    'past-queries': async () => ({ queries: [], isMore: false }),
    'chunk-list': async ({ sha256 }) => {
      const { content, chunkList } = find(sha256)
      const reply = { size: content.size, chunkRoot: content.chunkRoot }
      return { reply, bulk: bytesSource(chunkList) }
    },
    chunks: async ({ sha256 }) => {
      const { size } = find(sha256).content
      return { size, count: chunkCountFor(size) }
    },
    read: async ({ sha256, chunk }) => {
      const { content, bytes } = find(sha256)
      const chunks = chunkCountFor(content.size)
      if (chunk >= chunks) throw new AppError('CHUNK_OUT_OF_RANGE', { chunks, chunk })
      const range = chunkRange(content.size, chunk)
      return {
        reply: {},
        bulk: bytesSource(bytes.subarray(range.start, range.start + range.bytes)),
      }
    },
    'read-many': async ({ sha256s }) => {
      const found = sha256s.map((sha256) => files.find(({ content }) => content.sha256 === sha256))
      const isSmall = ({ content }: DummyFile): boolean => chunkCountFor(content.size) === 1
      const contents = found.map((file): ReadOutcome => {
        if (file === undefined) return { error: 'CONTENT_NOT_FOUND' }
        return isSmall(file) ? { size: file.content.size } : { error: 'TOO_LARGE' }
      })
      const small = found.filter((file) => file !== undefined).filter(isSmall)
      return {
        reply: { contents },
        bulk: bytesSource(Buffer.concat(small.map((one) => one.bytes))),
      }
    },
  }
}

/** The same handlers, which print each request first. */
function saying(
  handlers: DummyHandlers,
  files: readonly DummyFile[],
  print: (line: string) => void,
): DummyHandlers {
  const say = (type: string, { sha256, ...rest }: { sha256: string }, sender: Sender): void => {
    const name = files.find(({ content }) => content.sha256 === sha256)?.name ?? sha256
    const details = Object.keys(rest).length === 0 ? '' : ` ${printableJson(rest)}`
    print(`${printable(sender)}: ${type} of ${name}${details}`)
  }
  return {
    ...handlers,
    'chunk-list': (request, sender, signal) => {
      say('chunk-list', request, sender)
      return handlers['chunk-list'](request, sender, signal)
    },
    chunks: (request, sender, signal) => {
      say('chunks', request, sender)
      return handlers.chunks(request, sender, signal)
    },
    read: (request, sender, signal) => {
      say('read', request, sender)
      return handlers.read(request, sender, signal)
    },
    'read-many': (request, sender, signal) => {
      for (const sha256 of request.sha256s) say('read-many', { sha256 }, sender)
      return handlers['read-many'](request, sender, signal)
    },
  }
}

/** Registers at the index and stays registered; prints changes of that state. */
async function keepAnnounced(
  options: DummyOptions,
  files: readonly DummyFile[],
  dependencies: DummyDependencies,
  signal: AbortSignal,
): Promise<never> {
  let said = ''
  for (;;) {
    const reason = await announce(options, files, dependencies, signal).catch(reasonOf)
    signal.throwIfAborted()
    if (reason !== said) dependencies.print(`Not announced: ${reason}.`)
    said = reason
    await dependencies.clock.sleep(retryMs, signal)
  }
}

/** Announces the files and stays connected; throws when the connection fails or ends. */
async function announce(
  { peerId, address, index }: DummyOptions,
  files: readonly DummyFile[],
  { transport, clock, random, log, print }: DummyDependencies,
  signal: AbortSignal,
): Promise<never> {
  const epoch = randomId(random)
  // No space: the index does not ask a dummy to keep copies.
  const room = { freeBytes: 0 }
  const registration = { epoch, port: address.port, ...room }
  const { connection, welcome } = await connect(
    {
      transport,
      address: index,
      role: 'index',
      hello: { role: 'peer', peerId, registration },
      handlers: {
        tasks: async () => {
          throw new AppError('TASK_REFUSED', { reason: 'a dummy keeps no copies' })
        },
        'cancel-tasks': async () => ({}),
        probe: async () => ({}),
        verify: async () => ({}),
        prove: hasNothing,
        'show-chunk': hasNothing,
        'confirm-copies': async ({ sha256s }) => ({ confirmed: sha256s.map(() => false) }),
        relabel: async ({ copies }) => ({ relabelled: copies.map(() => false) }),
        'restore-file': async () => ({}),
        // It keeps no decisions either: the index sends them again after each registration.
        'keep-intent': async ({ revision }) => ({ revision }),
        'read-intent': async () => ({ records: [] }),
        reached: async ({ reason }) => {
          if (reason !== undefined) print(`The index cannot connect to this dummy: ${reason}.`)
          return {}
        },
      },
      signal,
    },
    { clock, log },
  )
  await using _ = connection
  const changes = files.map(({ name, content }, position) => ({
    op: 'put' as const,
    seq: position + 1,
    kind: 'shared' as const,
    name,
    ...content,
    modifiedMs: Math.floor(clock.nowMs()),
  }))
  const inventory = { epoch, begin: true, end: true, previousSeq: 0, lastSeq: changes.length }
  await connection.request('announce', { ...inventory, changes }, { signal })
  print(`Announced to the index at ${formatAddress(index)}.`)
  for (;;) {
    await clock.sleep(welcome.registered?.heartbeatMs ?? retryMs, signal)
    await connection.request('heartbeat', room, { signal })
  }
}

async function hasNothing(): Promise<never> {
  throw new AppError('CONTENT_NOT_FOUND', { sha256: '' })
}
