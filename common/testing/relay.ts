import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'

/** Carries on what one side of a connection sends. */
type Carry = (from: Socket, to: Socket, sender: 'caller' | 'process') => void

interface Listening {
  readonly host: string
  /** Any free one by default. */
  readonly port?: number
  /** Whether the end of one side is seen by the other immediately, whatever is on its way. */
  readonly endsTogether?: boolean
}

/**
 * A TCP relay in front of a process of this machine: others connect to it instead. Disposing ends all
 * connections, and accepts no more.
 */
export class Relay implements AsyncDisposable {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(port: number, carry: Carry, endsTogether: boolean) {
    this.#server = createServer((caller) => {
      const inside = connect(port, '127.0.0.1')
      for (const [socket, other] of [
        [caller, inside],
        [inside, caller],
      ] as const) {
        this.#sockets.add(socket)
        socket.on('error', () => {})
        socket.once('close', () => {
          this.#sockets.delete(socket)
          if (endsTogether) other.destroy()
        })
      }
      carry(caller, inside, 'caller')
      carry(inside, caller, 'process')
    })
  }

  /** @param port of the process; @param listen where others connect */
  static async before(port: number, listen: Listening, carry: Carry): Promise<Relay> {
    const relay = new Relay(port, carry, listen.endsTogether ?? false)
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
