import assert from 'node:assert/strict'
import { seededRandom } from '../../common/random.ts'
import { aContent, type TestContent } from '../../common/testing/contents.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { ShapedNetwork } from './shaped-network.ts'
import { SimulatedIndex } from './simulated-index.ts'
import { SimulatedPeer } from './simulated-peer.ts'

export interface SwarmOptions {
  readonly bytes: number
  /** Speed of each link in either direction. */
  readonly bytesPerMs: number
  /** Number of downloading peers. */
  readonly downloaders: number
}

/** The time step: fine enough for callers that wait for an event. */
const stepMs = 10

/**
 * One peer with a content, and some that download it, each behind its own link; all in virtual
 * time.
 */
export class SimulatedSwarm implements AsyncDisposable {
  readonly clock = new FakeClock()
  readonly content: TestContent
  readonly #network: ShapedNetwork
  readonly #index: SimulatedIndex
  readonly #peers: SimulatedPeer[] = []

  private constructor({ bytes, bytesPerMs }: SwarmOptions) {
    this.content = aContent(bytes)
    this.#network = new ShapedNetwork({ bytesPerMs }, this)
    this.#index = new SimulatedIndex(this.content.content, this)
  }

  static async start(options: SwarmOptions): Promise<SimulatedSwarm> {
    const swarm = new SimulatedSwarm(options)
    while (swarm.#peers.length <= options.downloaders) await swarm.#addPeer()
    return swarm
  }

  /** The peer that has it from the start. */
  get source(): SimulatedPeer {
    const [source] = this.#peers
    assert(source !== undefined)
    return source
  }

  get downloaders(): readonly SimulatedPeer[] {
    return this.#peers.slice(1)
  }

  /** Advances the time until `work` has settled; returns its result. */
  async until<T>(work: Promise<T>): Promise<T> {
    const progress = { isOver: false }
    const end = (): void => {
      progress.isOver = true
    }
    work.then(end, end)
    await this.untilTrue(() => progress.isOver)
    return await work
  }

  async untilTrue(isTrue: () => boolean): Promise<void> {
    while (!isTrue()) await this.clock.advance(stepMs)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.until(Promise.all(this.#peers.map((peer) => peer[Symbol.asyncDispose]())))
  }

  async #addPeer(): Promise<void> {
    const isSource = this.#peers.length === 0
    const peerId = isSource ? 'source' : `peer${this.#peers.length}`
    this.#peers.push(
      await SimulatedPeer.start(
        { peerId, content: this.content, isSource },
        {
          host: this.#network.plugIn(peerId),
          index: this.#index,
          clock: this.clock,
          random: seededRandom(peerId),
        },
      ),
    )
  }
}
