import type { Clock } from '../../common/clock.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { Content, FoundContent, Source } from '../../common/protocol/messages.ts'
import { Fetching } from '../../indexing-server/fetching.ts'
import type { RankedPeer } from '../../indexing-server/rank.ts'
import type { Session } from '../../indexing-server/registry.ts'

/** Round trip plus the index's processing time. */
const answerMs = 1

/** The connection on which a peer reports its downloads. */
export type TellingConnection = Pick<Connection, 'request' | 'onClosed'>

/** An index's knowledge of one content: its holders and its downloaders. */
export class SimulatedIndex {
  readonly #content: Content
  readonly #clock: Clock
  readonly #fetching = new Fetching()
  readonly #peers = new Map<string, RankedPeer & { readonly session: Session }>()
  /** Peers that have all of it. */
  readonly #holders = new Map<string, Source>()

  constructor(content: Content, dependencies: { clock: Clock }) {
    this.#content = content
    this.#clock = dependencies.clock
  }

  /** @returns the connection of this peer */
  register(peerId: string, address: { host: string; port: number }): TellingConnection {
    const tell = async (_: string, body: unknown): Promise<object> => {
      await this.#clock.sleep(answerMs)
      this.#fetching.set(session, (body as { contents: Content[] }).contents)
      return {}
    }
    const connection = {
      request: tell as Connection['request'],
      onClosed: () => {},
      remote: address,
    }
    const session = { peerId, connection: connection as unknown as Connection }
    this.#peers.set(peerId, {
      ...address,
      state: 'live',
      isLost: false,
      isAccused: false,
      isDraining: false,
      session,
    })
    return connection
  }

  /** The peer has all of the content. */
  onWhole(peerId: string, kind: Source['kind']): void {
    const peer = this.#peers.get(peerId)
    if (peer !== undefined)
      this.#holders.set(peerId, { peerId, kind, host: peer.host, port: peer.port })
  }

  /** The peer is gone. */
  forget(peerId: string): void {
    const peer = this.#peers.get(peerId)
    if (peer !== undefined) this.#fetching.set(peer.session, [])
    this.#peers.delete(peerId)
    this.#holders.delete(peerId)
  }

  async sources(asker: string): Promise<readonly Source[]> {
    await this.#clock.sleep(answerMs)
    const found: FoundContent = { ...this.#content, sources: [...this.#holders.values()] }
    const peerOf = (peerId: string): RankedPeer | undefined => this.#peers.get(peerId)
    return this.#fetching.withPartialSources(found, { asker, peerOf }).sources
  }
}
