import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../common/errors.ts'
import type { ProvenIdentity } from '../../common/identity/cluster-role.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import type { RequestOf } from '../../common/protocol/messages.ts'
import type { Transport } from '../../common/protocol/transport.ts'
import { seededRandom } from '../../common/random.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import {
  type IndexingServer,
  type IndexingServerSettings,
  startIndexingServer,
} from '../indexing-server.ts'
import type { DialBack } from '../reachability.ts'
import { type PeerScript, scriptedHandlers } from './scripted-handlers.ts'
import { type ChangeText, contentOf, type PeerOptions, TestPeer } from './test-peer.ts'
import { testSettings } from './test-settings.ts'

export { contentOf, proofOf, TestPeer } from './test-peer.ts'

/** `ok`, or the code of the error that `promise` rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => 'ok',
    (error: unknown) => (error as { code?: string }).code,
  )
}

/** A shared file whose content has several chunks. */
export function bigFile(name: string, size: number): ChangeText {
  return { name, text: { ...contentOf(name), size, chunkRoot: 'a'.repeat(64) } }
}

/** Why copies of the first content of `name` are missing, as the index tells `asker`. */
export async function missing(asker: TestPeer, name: string): Promise<string[]> {
  const { contents } = await asker.ask('why', { name })
  return contents[0]?.missing ?? []
}

/** The state of each peer, as the index tells `asker`. */
export async function statesOf(asker: TestPeer): Promise<Record<string, string>> {
  const { peers } = await asker.ask('peers', { limit: 100 })
  return Object.fromEntries(peers.map(({ peerId, state }) => [peerId, state]))
}

/** An index in memory, with a clock that only tests advance, and scripted peers. */
export class IndexCluster implements AsyncDisposable {
  readonly clock = new FakeClock()
  /** Peers whose address the index cannot reach. */
  readonly unreachable = new Set<string>()
  /** What peers prove to be, in the order in which they connect; nothing if empty. */
  readonly proven: ProvenIdentity[] = []
  readonly #memory = new MemoryTransport()
  readonly #transport: Transport = {
    dial: (address, options) => this.#memory.dial(address, options),
    listen: (address, onConnection) =>
      this.#memory.listen(address, (wire, remote) => {
        const proven = this.proven.shift()
        onConnection(proven === undefined ? wire : { ...wire, proven }, remote)
      }),
  }
  readonly #settings: IndexingServerSettings
  readonly #ownPeerId: string | undefined
  readonly #peers = new Set<TestPeer>()
  /** The texts that peers have shared, by hash. */
  readonly texts = new Map<string, string>()
  #server: IndexingServer | undefined
  /** Each run of an index has other randomness, and so each new database another log. */
  #starts = 0
  #database: Database | undefined

  private constructor(settings: IndexingServerSettings, ownPeerId: string | undefined) {
    this.#settings = settings
    this.#ownPeerId = ownPeerId
  }

  /**
   * Starts an index whose start grace is over, unless `settings` say otherwise.
   * @param ownPeerId in a mesh, the peer whose own index it is
   */
  static async start(
    settings: Partial<IndexingServerSettings> = {},
    ownPeerId?: string,
  ): Promise<IndexCluster> {
    const cluster = new IndexCluster({ ...testSettings, startGraceMs: 0, ...settings }, ownPeerId)
    await cluster.startIndex()
    return cluster
  }

  async startIndex(settings: Partial<IndexingServerSettings> = {}): Promise<void> {
    this.#server = await this.startAnother(settings)
  }

  /** Starts a second index on the same transport. */
  async startAnother(settings: Partial<IndexingServerSettings>): Promise<IndexingServer> {
    return await startIndexingServer(
      { ...this.#settings, ...settings },
      {
        transport: this.#transport,
        clock: this.clock,
        random: seededRandom(`index${this.#starts++ || ''}`),
        log: silentLog,
        dialBack: this.dialBack,
        ownPeerId: this.#ownPeerId,
        openDatabase: (path, options) => (this.#database = openDatabase(path, options)),
      },
    )
  }

  readonly dialBack: DialBack = async (peerId, { host, port }) => {
    if (!this.unreachable.has(peerId)) return
    throw new AppError('DIAL_FAILED', { address: `${host}:${port}`, reason: 'no route' })
  }

  async stopIndex(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    if (server !== undefined) await this.run(server[Symbol.asyncDispose]())
  }

  /** Makes the most recent index's database refuse all writes, or accept them again. */
  refuseWrites(isRefused: boolean): void {
    this.#database?.pragma(`query_only = ${isRefused ? 'on' : 'off'}`)
  }

  /** Writes the database as it is now into another folder; returns that folder. */
  async copyDatabaseTo(folder: string): Promise<string> {
    assert(this.#database !== undefined)
    await mkdir(folder, { recursive: true })
    await writeFile(join(folder, 'index.sqlite'), this.#database.serialize())
    return folder
  }

  /** Why the index is degraded, if it is. */
  async health(): Promise<string | undefined> {
    return await this.#server?.health()
  }

  get metricsText(): Promise<string> {
    return this.#server?.metrics.text() ?? Promise.resolve('')
  }

  /** A registered peer. */
  async peer(peerId: string, options: PeerOptions = {}): Promise<TestPeer> {
    const peer = new TestPeer(this, peerId, options)
    await peer.connect()
    return peer
  }

  /** @internal for peers */
  async dial(
    hello: Omit<RequestOf<'hello'>, 'protocol'> & { role: 'peer' | 'client' },
    script: PeerScript = {},
  ): Promise<{ connection: Connection; seenSeq: number }> {
    const handlers = scriptedHandlers(script)
    const address = { host: '127.0.0.1', port: this.#settings.port }
    const dialled = connect<'index', 'peer'>(
      { transport: this.#transport, address, role: 'index', hello: hello as never, handlers },
      { clock: this.clock, log: silentLog },
    )
    const { connection, welcome } = await this.run(dialled)
    return { connection, seenSeq: welcome.registered?.seenSeq ?? 0 }
  }

  /** @internal for peers: these send heartbeats while time advances. */
  get beating(): Set<TestPeer> {
    return this.#peers
  }

  /** Advances time until `promise` is settled, which must be within a minute. */
  async run<T>(promise: PromiseLike<T>): Promise<T> {
    const state = { isSettled: false }
    const settle = (): void => {
      state.isSettled = true
    }
    promise.then(settle, settle)
    for (let ms = 0; !state.isSettled && ms < 60_000; ms += 1) await this.clock.advance(1)
    return await promise
  }

  /** Advances time while connected peers send their heartbeats, by so much at a time. */
  async advance(ms: number, stepMs = 1_000): Promise<void> {
    for (let left = ms; left > 0; left -= stepMs) {
      await Promise.all(
        [...this.#peers]
          .filter((peer) => peer.isOpen)
          .map((peer) => peer.request('heartbeat', peer.room)),
      )
      await this.clock.advance(Math.min(left, stepMs))
      for (let turns = 0; turns < 20; turns++) await this.clock.advance(0)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const peer of this.#peers) peer.crash()
    await this.stopIndex()
  }
}
