import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Answers one GET; `start` is the first byte that is wanted. */
export type AnswerGet = (response: ServerResponse, start: number) => void

/** An HTTP server as programs have, whose answers a test chooses. Disposing ends its connections, too. */
export interface HttpProgram extends AsyncDisposable {
  readonly url: string
  readonly port: number
  /** What was asked of it: path and first byte. */
  readonly asked: [path: string, start: number][]
}

export async function startProgram(answer: AnswerGet): Promise<HttpProgram> {
  const asked: HttpProgram['asked'] = []
  const server = createServer((request, response) => {
    const start = startOf(request)
    asked.push([decodeURIComponent(request.url ?? ''), start])
    answer(response, start)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Sends a file from where it was asked for. */
export function sending(bytes: Buffer): AnswerGet {
  return (response, start) => {
    beginAt(response, bytes.length, start)
    response.end(bytes.subarray(start))
  }
}

/** The head of an answer with a file of `size` bytes from `start`. */
export function beginAt(response: ServerResponse, size: number, start: number): void {
  const part = start > 0 && { 'content-range': `bytes ${start}-${size - 1}/${size}` }
  response.writeHead(start > 0 ? 206 : 200, { 'content-length': size - start, ...part })
  response.flushHeaders()
}

function startOf({ headers: { range } }: IncomingMessage): number {
  return Number(/^bytes=(\d+)-/.exec(range ?? '')?.[1] ?? 0)
}
