/** Answers to requests that the HTTP parser rejected. */
import type { Duplex } from 'node:stream'
import { AppError, systemErrorCode } from './errors.ts'
import { problemOf, problemType } from './http-problem.ts'
import { deadlines, limits } from './limits.ts'

const { STATUS_CODES } = process.getBuiltinModule('node:http')

interface Refusal {
  readonly status: number
  readonly error: AppError
}

/** The error for bytes that the HTTP parser rejected. */
function refusalOf(code: string | undefined): Refusal {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const details = { what: 'The header', max: limits.httpHeaderBytesMax, unit: 'bytes' }
    return { status: 431, error: new AppError('TOO_LARGE', details) }
  }
  if (code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') {
    const details = { what: 'A chunk extension', max: limits.httpHeaderBytesMax, unit: 'bytes' }
    return { status: 413, error: new AppError('TOO_LARGE', details) }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const details = { what: 'The request', deadlineMs: deadlines.httpHeadersMs }
    return { status: 408, error: new AppError('DEADLINE_EXCEEDED', details) }
  }
  const details = { path: 'request', reason: `is not HTTP (${code ?? 'unreadable'})` }
  return { status: 400, error: new AppError('BAD_REQUEST', details) }
}

/** Answers a parser error and ends the connection; handles the event `clientError`. */
export function answerClientError(thrown: Error, socket: Duplex): void {
  const code = systemErrorCode(thrown)
  // More bytes of a rejected request: ignored until the socket is closed.
  if (socket.writableEnded) return
  if (code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, error } = refusalOf(code)
  const body = JSON.stringify(problemOf(error, { status }))
  sendRaw(socket, { status, headers: { 'content-type': problemType }, body })
}

/** An answer to a request that no HTTP server has read. */
export interface RawAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends the answer and ends the connection. */
export function sendRaw(socket: Duplex, { status, headers, body }: RawAnswer): void {
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
}
