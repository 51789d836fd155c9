import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

type Body = Readonly<Record<string, unknown>>

/** The answer to a request. */
export interface RawReply {
  readonly body?: Body
  readonly error?: { readonly code: string; readonly details: Body }
}

interface Answered {
  readonly body: Body
  readonly bulk?: Buffer
}

/** The answer to a request, and the raw bytes after it; undefined, or what fails, never answers. */
export type RawAnswer = (
  type: string,
  body: Body,
  connection: RawConnection,
) => Answered | undefined | Promise<Answered | undefined>

/**
 * One end of a tandem/1 connection, implemented from PROTOCOL.md: it shares no code with the
 * product, and can send anything.
 */
export class RawConnection implements AsyncDisposable {
  readonly #socket: Socket
  readonly #answer: RawAnswer
  readonly #waiting = new Map<number, PromiseWithResolvers<RawReply>>()
  #input: Buffer = Buffer.alloc(0)
  #lastId = 0

  constructor(socket: Socket, answer: RawAnswer = () => undefined) {
    this.#socket = socket
    this.#answer = answer
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('error', () => {})
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the connection ended'))
    })
  }

  /** @param localAddress of this machine: where the connection comes from */
  static async dial(
    port: number,
    answer?: RawAnswer,
    localAddress = '127.0.0.1',
  ): Promise<RawConnection> {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    await once(socket, 'connect')
    return new RawConnection(socket, answer)
  }

  async request(type: string, body: Body): Promise<RawReply> {
    const id = ++this.#lastId
    const waiter = Promise.withResolvers<RawReply>()
    this.#waiting.set(id, waiter)
    this.#send({ id, type, body })
    return await waiter.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#socket.closed) return
    const closed = once(this.#socket, 'close')
    this.#socket.destroy()
    await closed
  }

  #send(envelope: Body): void {
    const frame = Buffer.from(JSON.stringify(envelope))
    const header = Buffer.alloc(4)
    header.writeUInt32BE(frame.length)
    this.#socket.write(Buffer.concat([header, frame]))
  }

  #onData(bytes: Buffer): void {
    this.#input = Buffer.concat([this.#input, bytes])
    while (this.#input.length >= 4) {
      const end = 4 + this.#input.readUInt32BE()
      if (this.#input.length < end) return
      const frame = this.#input.subarray(4, end).toString()
      this.#input = this.#input.subarray(end)
      this.#onFrame(JSON.parse(frame) as RawReply & { id: number; re?: number; type: string })
    }
  }

  #onFrame({ id, re, type, body, error }: RawReply & { id: number; re?: number; type: string }) {
    if (re !== undefined) {
      this.#waiting.get(re)?.resolve({ ...(body && { body }), ...(error && { error }) })
      this.#waiting.delete(re)
      return
    }
    const answer = this.#answer(type, body ?? {}, this)
    if (answer instanceof Promise) answer.then((late) => this.#reply(id, late)).catch(() => {})
    else this.#reply(id, answer)
  }

  #reply(id: number, answer: Answered | undefined): void {
    if (answer === undefined) return
    this.#send({ re: id, body: answer.body, ...(answer.bulk && { bytes: answer.bulk.length }) })
    if (answer.bulk !== undefined) this.#socket.write(answer.bulk)
  }
}

/** Serves raw connections on a free port; disposing ends them. */
export async function listenRaw(answer: RawAnswer): Promise<{ port: number } & AsyncDisposable> {
  const connections = new Set<RawConnection>()
  const server = createServer((socket) => connections.add(new RawConnection(socket, answer)))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const connection of connections) await connection[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}
