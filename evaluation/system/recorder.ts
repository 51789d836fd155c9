import { Relay } from '../../common/testing/relay.ts'

/** A relay in front of a process that keeps everything that passes, as one who listens would have it. */
export class Recorder implements AsyncDisposable {
  readonly #relay: Relay
  /** What each side of each connection has sent. */
  readonly #sent: readonly Buffer[][]

  private constructor(relay: Relay, sent: readonly Buffer[][]) {
    this.#relay = relay
    this.#sent = sent
  }

  /** @param port of the process on this machine; @param listen where others connect instead */
  static async before(
    port: number,
    listen: { readonly host: string; readonly port?: number },
  ): Promise<Recorder> {
    const all: Buffer[][] = []
    const relay = await Relay.before(port, { ...listen, endsTogether: true }, (from, to) => {
      const sent: Buffer[] = []
      all.push(sent)
      from.on('data', (bytes: Buffer) => sent.push(bytes)).pipe(to)
    })
    return new Recorder(relay, all)
  }

  get port(): number {
    return this.#relay.port
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
    await this.#relay[Symbol.asyncDispose]()
  }
}
