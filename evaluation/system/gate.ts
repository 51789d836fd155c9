import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../common/clock.ts'
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
  readonly #server
  readonly #sockets = new Set<Socket>()
  /** Bytes of the peer that may still pass. */
  #bytesLeft = Number.POSITIVE_INFINITY
  /** Rate of further bytes. */
  #bytesPerMs = 0
  #opened = Promise.withResolvers<void>()
  #blocked = Promise.withResolvers<void>()

  private constructor(port: number) {
    this.#server = createServer((outside) => {
      const inside = connect(port, '127.0.0.1')
      for (const [socket, other] of [
        [outside, inside],
        [inside, outside],
      ] as const) {
        this.#sockets.add(socket)
        // When either side ends, the other sees it immediately, whatever is held back.
        socket.once('close', () => {
          this.#sockets.delete(socket)
          other.destroy()
        })
      }
      const passage = new Transform({
        highWaterMark: heldBytesMax,
        transform: (bytes: Buffer, _, pass) => {
          this.#pass(bytes.length).then(() => pass(null, bytes), pass)
        },
      })
      pipeline(outside, inside).catch(() => {})
      pipeline(inside, passage, outside).catch(() => {})
    })
  }

  static async before(port: number): Promise<Gate> {
    const gate = new Gate(port)
    gate.#server.listen(port, proxyHost)
    await once(gate.#server, 'listening')
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
    return this.#sockets.size / 2
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
    for (const socket of this.#sockets) socket.destroy()
    await this.#server[Symbol.asyncDispose]()
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
