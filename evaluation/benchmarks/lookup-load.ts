import { protocolVersion } from '../../common/protocol/messages.ts'
import type { Address, Transport, Wire } from '../../common/protocol/transport.ts'
import { frameOf } from '../system/crowd.ts'

const headerBytes = 4

/** Open connections that look names up; replies are counted, not read. */
export class LookupLoad implements AsyncDisposable {
  readonly #lanes: readonly Lane[]

  private constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes
  }

  /** Opens `count` connections, and says hello on each. */
  static async open(transport: Transport, address: Address, count: number): Promise<LookupLoad> {
    const lanes: Lane[] = []
    for (let opened = 0; opened < count; opened++) {
      const lane = new Lane(await transport.dial(address, {}))
      await lane.ask(frameOf({ id: 1, type: 'hello', body: hello }), 1)
      lanes.push(lane)
    }
    return new LookupLoad(lanes)
  }

  /** Looks a name up so many times, on all connections together, with so many in flight on each. */
  async run(name: string, count: number, inFlight: number): Promise<void> {
    const frame = frameOf({ id: 2, type: 'lookup', body: { name } })
    const frames = Buffer.concat(Array.from({ length: inFlight }, () => frame))
    let left = count
    const work = async (lane: Lane): Promise<void> => {
      for (; left > 0; left -= inFlight) await lane.ask(frames, inFlight)
    }
    await Promise.all(this.#lanes.map(work))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) lane.close()
  }
}

const hello = { protocol: protocolVersion, role: 'client' }

/** One connection. */
class Lane {
  readonly #wire: Wire
  #header = Buffer.alloc(0)
  #bodyBytesLeft = 0
  #repliesLeft = 0
  #onReplies: (() => void) | undefined
  #onEnd: ((error: Error) => void) | undefined

  constructor(wire: Wire) {
    this.#wire = wire
    wire.read((bytes) => this.#take(bytes))
    wire.stream.on('close', () => this.#onEnd?.(new Error('the index closed a connection')))
  }

  /** Sends frames together; resolves when `count` replies have arrived. @throws if the connection ends */
  ask(frames: Buffer, count: number): Promise<void> {
    this.#repliesLeft = count
    return new Promise((resolve, reject) => {
      this.#onReplies = resolve
      this.#onEnd = reject
      this.#wire.stream.write(frames)
    })
  }

  close(): void {
    this.#wire.stream.destroy()
  }

  #take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      if (this.#bodyBytesLeft > 0) {
        const taken = Math.min(this.#bodyBytesLeft, bytes.length - at)
        at += taken
        this.#bodyBytesLeft -= taken
        if (this.#bodyBytesLeft === 0 && --this.#repliesLeft === 0) this.#onReplies?.()
        continue
      }
      const missing = headerBytes - this.#header.length
      this.#header = Buffer.concat([this.#header, bytes.subarray(at, at + missing)])
      at += missing
      if (this.#header.length < headerBytes) return
      this.#bodyBytesLeft = this.#header.readUInt32BE(0)
      this.#header = Buffer.alloc(0)
    }
  }
}
