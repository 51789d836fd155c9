import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'

/** One event of the stream. */
export interface StreamedEvent {
  readonly event: string
  readonly id: string | undefined
  readonly data: unknown
}

/** Reads the stream of a peer's HTTP API as an open page does. */
export class PageStream implements Disposable {
  readonly #response: IncomingMessage
  /** All complete events, in order. */
  readonly received: StreamedEvent[] = []
  comments = 0
  #rest = ''

  constructor(response: IncomingMessage) {
    this.#response = response
    response.setEncoding('utf8').on('data', (text: string) => this.#onText(text))
    response.on('error', () => {})
  }

  /** @param origin of the HTTP API */
  static async open(origin: string, headers: object = {}, query = ''): Promise<PageStream> {
    const accept = { accept: 'text/event-stream', ...headers }
    const request = get(`${origin}/api/events${query}`, { headers: accept, agent: false })
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return new PageStream(response)
  }

  get headers(): IncomingMessage['headers'] {
    return this.#response.headers
  }

  get status(): number | undefined {
    return this.#response.statusCode
  }

  get isClosed(): boolean {
    return this.#response.closed
  }

  #onText(text: string): void {
    const blocks = (this.#rest + text).split('\n\n')
    this.#rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const lines = block.split('\n')
      const field = (name: string): string | undefined =>
        lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      const event = field('event')
      if (event === undefined) this.comments++
      else
        this.received.push({
          event,
          id: field('id'),
          data: JSON.parse(field('data') ?? '') as unknown,
        })
    }
  }

  of(event: string): unknown[] {
    return this.received.filter((one) => one.event === event).map(({ data }) => data)
  }

  stopReading(): void {
    this.#response.pause()
  }

  goOnReading(): void {
    this.#response.resume()
  }

  close(): void {
    this.#response.destroy()
  }

  [Symbol.dispose](): void {
    this.close()
  }
}
