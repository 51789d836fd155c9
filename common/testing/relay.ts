import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Carries on what one side of a connection sends. */
export type Carry = (from: Socket, to: Socket, sender: 'caller' | 'process') => void

/**
 * A TCP relay in front of a process of this machine: others connect to it instead. Disposing ends all
 * connections, and accepts no more.
 */
export class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number, carry: Carry) {
    this.#server = createServer((caller) => {
      const inside = connect(port, '127.0.0.1')
      for (const socket of [caller, inside]) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.once('close', () => this.#sockets.delete(socket))
      }
      carry(caller, inside, 'caller')
      carry(inside, caller, 'process')
    })
  }

  /** @param port of the process; @param listen where others connect; any free port by default */
  static async before(
    port: number,
    listen: { readonly host: string; readonly port?: number },
    carry: Carry,
  ): Promise<Relay> {
    const relay = new Relay(port, carry)
    relay.#server.listen(listen.port ?? 0, listen.host)
    await once(relay.#server, 'listening')
    return relay
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** The number of its connections. */
  get connections(): number {
    return this.#sockets.size / 2
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await this.#server[Symbol.asyncDispose]()
  }
}

/** When the side that sends ends, the other one sees it immediately, whatever is on its way. */
export function endTogether(from: Socket, to: Socket): void {
  from.once('close', () => to.destroy())
}
