import { tcpTransport } from '../../../common/protocol/tcp-transport.ts'
import type { Transport } from '../../../common/protocol/transport.ts'

/** Counts the bytes of connections, in both directions. */
export class ByteCounter {
  #received = 0
  readonly #written: (() => number)[] = []

  readonly transport: Transport = {
    listen: (address, onConnection) => tcpTransport.listen(address, onConnection),
    dial: async (address, options) => {
      const wire = await tcpTransport.dial(address, options)
      this.#written.push(() => (wire.stream as unknown as { bytesWritten: number }).bytesWritten)
      return {
        stream: wire.stream,
        read: (onBytes) =>
          wire.read((bytes) => {
            this.#received += bytes.length
            onBytes(bytes)
          }),
      }
    },
  }

  get bytes(): number {
    return this.#received + this.#written.reduce((sum, count) => sum + count(), 0)
  }
}
