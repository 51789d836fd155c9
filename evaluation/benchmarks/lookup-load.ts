import { protocolVersion } from '../../common/protocol/messages.ts'
import type { Address, Transport, Wire } from '../../common/protocol/transport.ts'
import { frameOf } from '../system/crowd.ts'

const headerBytes = 4

/** Open connections on each of which one lookup is in flight; replies are counted, not read. */
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
      await lane.ask(frameOf({ id: 1, type: 'hello', body: hello }))
      lanes.push(lane)
    }
    return new LookupLoad(lanes)
  }

  /** Looks a name up so many times, on all connections together. */
  async run(name: string, count: number): Promise<void> {
    const frame = frameOf({ id: 2, type: 'lookup', body: { name } })
    let left = count
    const work = async (lane: Lane): Promise<void> => {
      while (left-- > 0) await lane.ask(frame)
    }
    await Promise.all(this.#lanes.map(work))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const lane of this.#lanes) lane.close()
  }
}

const hello = { protocol: protocolVersion, role: 'client' }

/** A connection with at most one request in flight. */
class Lane {
  readonly #wire: Wire
  #header = Buffer.alloc(0)
  #bodyBytesLeft = 0
  #onReply: (() => void) | undefined
  #onEnd: ((error: Error) => void) | undefined

  constructor(wire: Wire) {
    this.#wire = wire
    wire.read((bytes) => this.#take(bytes))
    wire.stream.on('close', () => this.#onEnd?.(new Error('the index closed a connection')))
  }

  /** Resolves when one more frame has arrived. @throws if the connection ends */
  ask(frame: Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onReply = resolve
      this.#onEnd = reject
      this.#wire.stream.write(frame)
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
        if (this.#bodyBytesLeft === 0) this.#onReply?.()
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
