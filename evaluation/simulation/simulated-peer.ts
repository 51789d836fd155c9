import type { Clock } from '../../common/clock.ts'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { startServer } from '../../common/protocol/server.ts'
import type { Random } from '../../common/random.ts'
import { chunkOf, type TestContent } from '../../common/testing/contents.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { FetchingTeller } from '../../peer/announce/fetching-teller.ts'
import type { ChunkStore } from '../../peer/fetch/chunk-store.ts'
import { UnfinishedContents } from '../../peer/fetch/disk/unfinished-contents.ts'
import { ConnectionPool } from '../../peer/fetch/source/connection-pool.ts'
import { SourceCrew } from '../../peer/fetch/transfer/source-crew.ts'
import { noLimits } from '../../peer/limit/grant.ts'
import { TrafficGate } from '../../peer/limit/traffic-gate.ts'
import { type ServeDependencies, serveHandlers } from '../../peer/serve/serve-handlers.ts'
import { sendPieceBytes } from '../../peer/serve/start-serving.ts'
import { UploadQueue } from '../../peer/serve/upload-queue.ts'
import type { ShapedHost } from './shaped-network.ts'
import type { SimulatedIndex } from './simulated-index.ts'

/** From the last byte of a chunk until it is verified and written. */
const checkMs = 3
const name = 'file'

interface PeerOptions {
  readonly peerId: string
  readonly content: TestContent
  /** Whether it has all of the content from the start. */
  readonly isSource: boolean
}

interface PeerDependencies {
  readonly host: ShapedHost
  readonly index: SimulatedIndex
  readonly clock: Clock
  readonly random: Random
}

/**
 * A peer with one content, or some chunks of it, in memory. All policies are real, from the crew of
 * a fetch to the upload queue and the connections; there is no disk, no thread and no catalog.
 */
export class SimulatedPeer implements AsyncDisposable {
  readonly #options: PeerOptions
  readonly #dependencies: PeerDependencies
  readonly #verified: ChunkSet
  readonly #unfinished = new UnfinishedContents()
  readonly #stop = new AbortController()
  readonly #running = new AsyncDisposableStack()
  readonly #pool: ConnectionPool
  #isWhole: boolean
  #chunksKept = 0
  #receivedBytes = 0
  /** By number of sources: when this many were first in use. */
  readonly #sourcesAtMs = new Map<number, number>()

  private constructor(options: PeerOptions, dependencies: PeerDependencies) {
    const { peerId, content, isSource } = options
    const { clock, host: transport } = dependencies
    this.#options = options
    this.#dependencies = dependencies
    this.#verified = new ChunkSet(chunkCountFor(content.content.size))
    this.#isWhole = isSource
    this.#pool = new ConnectionPool({ ownPeerId: peerId }, { transport, clock, log: silentLog })
  }

  static async start(options: PeerOptions, dependencies: PeerDependencies): Promise<SimulatedPeer> {
    const peer = new SimulatedPeer(options, dependencies)
    await peer.#start()
    return peer
  }

  /** Its verified chunks. */
  get chunks(): ChunkSet {
    return this.#verified
  }

  /** Number of chunks stored, counting repeats. */
  get chunksKept(): number {
    return this.#chunksKept
  }

  /** Bytes of chunks and chunk lists received, needed or not. */
  get receivedBytes(): number {
    return this.#receivedBytes
  }

  get sentBytes(): number {
    return this.#dependencies.host.sentBytes
  }

  /** When it first used this many sources concurrently. */
  hadSourcesAtMs(count: number): number {
    return this.#sourcesAtMs.get(count) ?? Number.POSITIVE_INFINITY
  }

  /** Downloads the content from the sources that the index names. @returns when it was complete */
  async download(): Promise<number> {
    const { index, clock, random } = this.#dependencies
    const { peerId } = this.#options
    const { content } = this.#options.content
    const sources = await index.sources(peerId)
    const file = this.#store()
    using _ = this.#unfinished.add({ name, content }, file)
    const crew = new SourceCrew(
      {
        content,
        name,
        sources,
        file,
        signal: this.#stop.signal,
        waits: true,
        moreSources: () => index.sources(peerId),
        onChanged: () => this.#onSources(crew.sources.length),
      },
      {
        pool: this.#pool,
        clock,
        random,
        log: silentLog,
        buffers: new BufferPool({ bufferBytes: limits.chunkBytesMin }),
        onReceived: (bytes) => {
          this.#receivedBytes += bytes
          return undefined
        },
        onBlamed: () => {},
      },
    )
    await crew.run()
    this.#isWhole = true
    index.onWhole(peerId, 'downloaded')
    return clock.monotonicMs()
  }

  /** Ends it like `kill -9`. */
  async kill(): Promise<void> {
    this.#dependencies.index.forget(this.#options.peerId)
    this.#dependencies.host.unplug()
    await this[Symbol.asyncDispose]()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new AppError('STOPPING'))
    await this.#running.disposeAsync()
  }

  async #start(): Promise<void> {
    const { host, clock, index } = this.#dependencies
    const { peerId } = this.#options
    const address = { host: peerId, port: 0 }
    const server = await startServer(
      { role: 'peer', address, connectionsMax: limits.connectionsMax },
      {
        transport: host,
        clock,
        log: silentLog,
        welcome: async (hello, { remote, account }) => ({
          reply: { peerId },
          session: { id: hello.peerId ?? '', host: remote.host, account },
        }),
        handlers: serveHandlers(this.#served()),
      },
    )
    this.#running.use(server)
    this.#running.use(this.#pool)
    const connection = index.register(peerId, server.address)
    const unfinished = this.#unfinished
    const connected = async (): Promise<typeof connection> => connection
    this.#running.use(FetchingTeller.start({ unfinished, connected, clock, log: silentLog }))
    if (this.#isWhole) index.onWhole(peerId, 'shared')
  }

  #served(): ServeDependencies {
    const { clock } = this.#dependencies
    const { bytes, content, chunkList } = this.#options.content
    const stat = { size: content.size, mtimeNs: 0n, ino: 0n }
    const file = { at: { name, path: name, root: '' }, stat, content }
    const handle: Awaited<ReturnType<ServeDependencies['openFiles']['use']>>['handle'] = {
      read: async (into, offset, length, position) => ({
        bytesRead: bytes.copy(into, offset, position, position + length),
      }),
    }
    return {
      contents: {
        first: () => (this.#isWhole ? file : undefined),
        isServed: () => true,
        find: () => (this.#isWhole ? [file] : []),
        chunkList: () => (this.#isWhole ? chunkList : undefined),
      },
      downloads: this.#unfinished,
      openFiles: { use: async () => ({ handle, [Symbol.dispose]: () => {} }) },
      smallFiles: { outcomes: () => Promise.reject(new AppError('STOPPING')) },
      queue: new UploadQueue({ clock }),
      buffers: new BufferPool({ bufferBytes: sendPieceBytes }),
      uploads: new TrafficGate(noLimits, { clock }),
      recheck: () => {},
      clock,
    }
  }

  #store(): ChunkStore & { readonly path: string; readonly changes: WakeUp } {
    const { clock } = this.#dependencies
    const { bytes: all } = this.#options.content
    let chunkList: Buffer | undefined
    const changes = new WakeUp()
    return {
      changes,
      path: name,
      verified: this.#verified,
      get chunkList() {
        return chunkList
      },
      begin: async (verified) => {
        chunkList = verified
      },
      put: async (chunk, bytes) => {
        await clock.sleep(checkMs)
        const isGood = bytes.equals(chunkOf(all, chunk))
        if (isGood) this.#verified.add(chunk)
        changes.notify()
        this.#chunksKept += 1
        return { isGood, memory: bytes.buffer }
      },
    }
  }

  #onSources(count: number): void {
    if (!this.#sourcesAtMs.has(count))
      this.#sourcesAtMs.set(count, this.#dependencies.clock.monotonicMs())
  }
}
