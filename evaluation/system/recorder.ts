import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A relay in front of a process that keeps everything that passes, as one who listens would have it. */
export class Recorder implements AsyncDisposable {
  readonly #server
  readonly #sockets = new Set<Socket>()
  /** What each side of each connection has sent. */
  readonly #sent: Buffer[][] = []

  private constructor(port: number) {
    this.#server = createServer((outside) => {
      const inside = connect(port, '127.0.0.1')
      for (const [socket, other] of [
        [outside, inside],
        [inside, outside],
      ] as const) {
        const sent: Buffer[] = []
        this.#sent.push(sent)
        this.#sockets.add(socket)
        socket.on('data', (bytes: Buffer) => sent.push(bytes)).on('error', () => {})
        socket.pipe(other)
        socket.once('close', () => {
          this.#sockets.delete(socket)
          other.destroy()
        })
      }
    })
  }

  /** @param port of the process on this machine; @param listen where others connect instead */
  static async before(
    port: number,
    listen: { readonly host: string; readonly port?: number },
  ): Promise<Recorder> {
    const recorder = new Recorder(port)
    recorder.#server.listen(listen.port ?? 0, listen.host)
    await once(recorder.#server, 'listening')
    return recorder
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get bytes(): number {
    return this.#sent.flat().reduce((sum, { length }) => sum + length, 0)
  }

  /** Whether one side of a connection has sent these bytes. */
  has(bytes: Buffer | string): boolean {
    return this.#sent.some((pieces) => Buffer.concat(pieces).includes(bytes))
  }

  /** Ends all connections, and accepts no more. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await this.#server[Symbol.asyncDispose]()
  }
}
