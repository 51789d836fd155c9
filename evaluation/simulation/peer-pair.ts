import { mkdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { systemClock } from '../../common/clock.ts'
import { MemoryTransport } from '../../common/protocol/memory-transport.ts'
import { systemRandom } from '../../common/random.ts'
import { loadSettings } from '../../common/settings.ts'
import { damageFile } from '../../common/testing/damage-file.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { startIndexingServer } from '../../indexing-server/indexing-server.ts'
import { limitSettings, toLimitSettings } from '../../peer/limit/limit-settings.ts'
import { type Peer, startPeer } from '../../peer/peer.ts'

const index = { host: '127.0.0.1', port: 7_000 }
const brokenLink = 'broken link'

/** An index and two peers in this process, as they are outside of tests but for the network. */
export class PeerPair implements AsyncDisposable {
  /** A link in shared/ of peer1 to something that is not there. */
  readonly brokenLink = brokenLink
  readonly #transport = new MemoryTransport()
  readonly #stack: AsyncDisposableStack
  readonly #folder: string
  readonly #peers: Peer[] = []
  #started = 0
  #withoutSource: Promise<string> | undefined

  private constructor(folder: string, stack: AsyncDisposableStack) {
    this.#folder = folder
    this.#stack = stack
  }

  static async start(): Promise<PeerPair> {
    await using opening = new AsyncDisposableStack()
    const { path } = opening.use(await temporaryFolder())
    const stack = opening.move()
    const pair = new PeerPair(path, stack)
    await pair.#startIndex()
    await mkdir(join(path, 'peer1', 'shared'), { recursive: true })
    await symlink('nowhere', join(path, 'peer1', 'shared', brokenLink))
    for (const _ of [1, 2]) pair.#peers.push(stack.use(await pair.#startPeer()))
    return pair
  }

  get peer(): Peer {
    const [peer] = this.#peers
    if (peer === undefined) throw new Error('it is not started')
    return peer
  }

  /** Changes the first byte of a shared file of peer1 and restores its times, as a failing disk does. */
  async damage(name: string): Promise<void> {
    await damageFile(join(this.#folder, 'peer1', 'shared', name), 0)
  }

  /** Has peer2 share a file, which the index then knows. */
  async shareElsewhere(name: string, text: string): Promise<void> {
    const [, other] = this.#peers
    if (other !== undefined) await this.#share(other, name, text)
  }

  /** The name of a file that was shared by a peer that is gone. */
  async fileWithoutSource(): Promise<string> {
    this.#withoutSource ??= (async () => {
      await using gone = await this.#startPeer()
      await this.#share(gone, 'without source', 'x')
      return 'without source'
    })()
    return await this.#withoutSource
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async #startIndex(): Promise<void> {
    const settings = {
      ...index,
      data: ':memory:',
      // No peer is asked for a copy of what another shares.
      replicationFactor: 1,
      heartbeatMs: 1_000,
      deadAfterMs: 60_000,
      startGraceMs: 0,
      brakeMs: 0,
      settleMs: 0,
      trimAfterMs: 600_000,
      reserveBytes: 0,
      repairBytesPerSecond: 'unlimited',
      moveBytesPerSecond: 'unlimited',
      rebalanceAbove: 0,
      replacedMs: 3_600_000,
      replacedBytes: 1_000_000_000,
      trashMs: 30 * 86_400_000,
      trashBytes: 1_024 ** 4,
      lookupBytes: 2 ** 20,
      proofMs: 0,
      commitDelayMs: 2,
    }
    const server = await startIndexingServer(settings, {
      transport: this.#transport,
      clock: systemClock,
      random: systemRandom,
      log: silentLog,
      dialBack: async () => {},
    })
    this.#stack.use(server)
  }

  async #share({ api }: Peer, name: string, text: string): Promise<void> {
    async function* bytes(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(text)
    }
    await api.push({ name, bytes: bytes(), replace: true, wait: false })
    const isKnown = (): Promise<boolean> =>
      this.peer.api.lookup({ name }).then(
        () => true,
        () => false,
      )
    while (!(await isKnown())) await systemClock.sleep(5)
  }

  async #startPeer(): Promise<Peer> {
    const number = ++this.#started
    const peerId = `peer${number}`
    const peer = await startPeer(
      {
        peerId,
        index,
        mesh: false,
        catalogBytesMax: 0,
        join: [],
        discoveryPort: 0,
        gossipMs: 1_000,
        gossipPeers: 3,
        host: '127.0.0.1',
        port: 7_099 + number,
        autoFetch: 0,
        advertiseHost: undefined,
        httpHost: '127.0.0.1',
        httpPort: 0,
        allowedHosts: [],
        requireToken: false,
        tokenFile: undefined,
        data: join(this.#folder, peerId),
        zone: undefined,
        adopt: false,
        generate: false,
        headless: true,
        scrubDays: 0,
        rescanMs: 60_000,
        quietMs: 0,
        limits: toLimitSettings(loadSettings(limitSettings, { environment: {} })),
      },
      {
        transport: this.#transport,
        clock: systemClock,
        random: systemRandom,
        log: silentLog,
      },
    )
    await peer.ready
    return peer
  }
}
