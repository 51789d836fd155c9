/**
 * Limits across all clients of an HTTP server: connections, running requests, and unread bytes.
 * Node's own limits are per connection, which do not bound a thousand of them.
 */
import type { IncomingMessage, Server, ServerOptions, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Clock } from './clock.ts'
import { errorTable } from './error-table.ts'
import { AppError } from './errors.ts'
import { problemOf, problemType } from './http-problem.ts'
import { deadlines, limits } from './limits.ts'
import { ConnectionSlots, type Occupant } from './protocol/connection-slots.ts'
import { hostKeyOf, mayHold } from './protocol/host-share.ts'

/** Interval of Node's check for late headers: small against `deadlines.httpHeadersMs`. */
export const httpCheckMs = 1_000

/** For every server: the checks built into Node. */
export const guardedServerOptions = {
  headersTimeout: deadlines.httpHeadersMs,
  connectionsCheckingInterval: httpCheckMs,
  keepAliveTimeout: deadlines.connectionIdleMs,
  maxHeaderSize: limits.httpHeaderBytesMax,
  // checkHost refuses a request without Host, with the same response as other refusals.
  requireHostHeader: false,
} as const satisfies ServerOptions

type Handler = (request: IncomingMessage, response: ServerResponse) => void

interface Client extends Occupant {
  /** The TLS connection once its handshake is done, or else the TCP connection. */
  socket: Socket
  requests: number
  lastMs: number
  hasAsked: boolean
}

/**
 * Guards a server: `handle` receives its requests, unless too many are running. Beyond the
 * connection limit a new connection evicts another; beyond the limit of unread bytes the largest
 * readers are disconnected.
 */
export function guardHttp(server: Server, handle: Handler, { clock }: { clock: Clock }): void {
  const clients = new Map<Socket, Client>()
  const slots = new ConnectionSlots<Client>({ clock })
  const leave = (client: Client): void => {
    clients.delete(client.socket)
    slots.delete(client)
  }
  server.maxConnections = limits.httpConnectionsMax + limits.connectionsTurnedAwayMax
  server.setTimeout(deadlines.connectionIdleMs)
  // A connection that could not be accepted, for lack of memory for example, must not end the
  // process.
  server.on('error', () => {})
  server.on('connection', (socket) => {
    const client = clientOf(socket, clock)
    if (clients.size >= limits.httpConnectionsMax) {
      const leaving = slots.leavingFor(client.hostKey)
      if (leaving.length === 0) return void socket.destroy()
      for (const one of leaving) {
        leave(one)
        one.socket.destroy()
      }
    }
    clients.set(socket, client)
    slots.add(client)
    socket.once('close', () => leave(client))
  })
  server.on('secured', (socket: Socket, secured: Socket) => {
    const client = clients.get(socket)
    if (client === undefined) return void secured.destroy()
    clients.delete(socket)
    client.socket = secured
    clients.set(secured, client)
  })
  const onRequest: Handler = (request, response) => {
    const client = clients.get(request.socket)
    if (client === undefined) return void request.socket.destroy()
    client.hasAsked = true
    client.lastMs = clock.monotonicMs()
    if (client.requests >= limits.httpPipelinedMax) return void request.socket.destroy()
    cutOffNonReaders(clients.keys())
    const isFree = mayServe(client, clients.values())
    client.requests += 1
    response.once('close', () => {
      client.requests -= 1
      client.lastMs = clock.monotonicMs()
    })
    if (isFree) handle(request, response)
    else refuse(request, response)
  }
  // The client is told to continue only when its body is wanted.
  for (const event of ['request', 'checkContinue', 'checkExpectation'] as const)
    server.on(event, onRequest)
}

function clientOf(socket: Socket, clock: Clock): Client {
  return {
    socket,
    hostKey: hostKeyOf(socket.remoteAddress ?? ''),
    requests: 0,
    lastMs: clock.monotonicMs(),
    hasAsked: false,
    isRegistered: false,
    get isGreeted() {
      return this.hasAsked
    },
    get isBusy() {
      return this.requests > 0
    },
    get silentMs() {
      return clock.monotonicMs() - this.lastMs
    },
  }
}

/** Whether the client's host has not used up its share of requests. */
function mayServe({ hostKey }: Client, clients: Iterable<Client>): boolean {
  let [all, ofHost] = [0, 0]
  for (const { requests, hostKey: other } of clients) {
    all += requests
    if (other === hostKey) ofHost += requests
  }
  return mayHold(1, { bytesMax: limits.httpRequestsMax, usedBytes: all, hostBytes: ofHost })
}

function cutOffNonReaders(sockets: Iterable<Socket>): void {
  const waiting = [...sockets].filter(({ writableLength }) => writableLength > 0)
  let bytes = waiting.reduce((sum, { writableLength }) => sum + writableLength, 0)
  for (const socket of waiting.toSorted((a, b) => b.writableLength - a.writableLength)) {
    if (bytes <= limits.httpUnreadBytesMax) return
    bytes -= socket.writableLength
    socket.destroy()
  }
}

function refuse(request: IncomingMessage, response: ServerResponse): void {
  const error = new AppError('BUSY')
  const headers = { 'content-type': problemType, connection: 'close' }
  response.writeHead(errorTable[error.code].status, headers)
  response.end(JSON.stringify(problemOf(error, { url: request.url })))
  request.resume()
}
