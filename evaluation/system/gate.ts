import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../common/clock.ts'
import { Relay } from '../../common/testing/relay.ts'
import { fetchWindowBytes } from '../../peer/fetch/transfer/chunk-plan.ts'
import { type Cluster, proxyHost } from './cluster-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

/**
 * More than a fetch requests at a time: the gate keeps reading, and so notices when a peer ends.
 */
const heldBytesMax = 2 * fetchWindowBytes

/**
 * A proxy between a peer and its requesters that can hold back what the peer sends: a transfer then
 * lasts exactly as long as a test needs. Open initially.
 */
export class Gate implements AsyncDisposable {
  #relay: Relay | undefined
  /** Bytes of the peer that may still pass. */
  #bytesLeft = Number.POSITIVE_INFINITY
  /** Rate of further bytes. */
  #bytesPerMs = 0
  #opened = Promise.withResolvers<void>()
  #blocked = Promise.withResolvers<void>()

  static async before(port: number): Promise<Gate> {
    const gate = new Gate()
    const listen = { host: proxyHost, port, endsTogether: true }
    gate.#relay = await Relay.before(port, listen, (from, to, sender) => {
      const passage = sender === 'process' ? [gate.#passage()] : []
      pipeline([from, ...passage, to]).catch(() => {})
    })
    return gate
  }

  /**
   * Lets the peer send about `bytes` more, and further ones at the given rate, or none, until
   * {@link open}.
   */
  closeAfter(bytes: number, { bytesPerMs = 0 } = {}): void {
    this.#bytesLeft = bytes
    this.#bytesPerMs = bytesPerMs
    this.#opened = Promise.withResolvers<void>()
    this.#blocked = Promise.withResolvers<void>()
  }

  /** Its connections; bytes held for them count as passed when released. */
  get connections(): number {
    return this.#relay?.connections ?? 0
  }

  /** Resolves when the closed gate holds something back. */
  get blocked(): Promise<void> {
    return this.#blocked.promise
  }

  open(): void {
    this.#bytesLeft = Number.POSITIVE_INFINITY
    this.#opened.resolve()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.open()
    await this.#relay?.[Symbol.asyncDispose]()
  }

  #passage(): Transform {
    return new Transform({
      highWaterMark: heldBytesMax,
      transform: (bytes: Buffer, _, pass) => {
        this.#pass(bytes.length).then(() => pass(null, bytes), pass)
      },
    })
  }

  async #pass(bytes: number): Promise<void> {
    this.#bytesLeft -= bytes
    if (this.#bytesLeft >= 0) return
    this.#blocked.resolve()
    const passed = this.#bytesPerMs > 0 ? [systemClock.sleep(bytes / this.#bytesPerMs)] : []
    await Promise.race([this.#opened.promise, ...passed])
  }
}

/** A peer, and the gate that all others connect to instead. */
export interface GatedPeer {
  readonly peer: TandemProcess
  readonly gate: Gate
}

export async function startGatedPeer(cluster: Cluster, peerId: string): Promise<GatedPeer> {
  const { promise, resolve } = Promise.withResolvers<Gate>()
  const proxy = async (port: number): Promise<Gate> => {
    const gate = await Gate.before(port)
    resolve(gate)
    return gate
  }
  const peer = await cluster.startPeer(peerId, { proxy })
  return { peer, gate: await promise }
}
