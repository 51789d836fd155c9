import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type ConnectionOptions, connect, createServer, type TlsOptions } from 'node:tls'
import { type Clock, systemClock } from '../clock.ts'
import type { NodeIdentity } from '../identity/node-identity.ts'
import type { ClusterDesk } from '../protocol/cluster-desk.ts'
import { clusterMessages } from '../protocol/cluster-messages.ts'
import type { Connection } from '../protocol/connection.ts'
import { parseEnvelope, requestFrame } from '../protocol/envelope.ts'
import { FrameDecoder } from '../protocol/framing.ts'
import type { Handlers } from '../protocol/handlers.ts'
import { type MessageType, messages, protocolVersion } from '../protocol/messages.ts'
import { startServer } from '../protocol/server.ts'
import { TlsTransport } from '../protocol/tls-transport.ts'
import { silentLog } from './silent-log.ts'

export const anyPort = { host: '127.0.0.1', port: 0 } as const

/** A server of a secured cluster, on a free port of this machine. */
export interface Door extends AsyncDisposable {
  readonly port: number
  /** Those that were accepted. */
  readonly connections: readonly Connection[]
  /** Types of the requests that reached a handler. */
  readonly handled: readonly string[]
  /** Codes of the errors for which others were turned away. */
  readonly refused: readonly string[]
}

interface DoorOptions {
  readonly role?: 'index' | 'peer'
  readonly desk?: ClusterDesk | undefined
  readonly clock?: Clock
  /** The id that it states. */
  readonly peerId?: string
}

/** Serves with this identity; its handlers answer each request with nothing. */
export async function openDoor(
  identity: NodeIdentity,
  { role = 'index', desk, clock = systemClock, peerId = identity.self.id }: DoorOptions = {},
): Promise<Door> {
  const dependencies = { clock, log: silentLog }
  const transport = new TlsTransport(identity, dependencies)
  const connections: Connection[] = []
  const handled: string[] = []
  const refused: string[] = []
  const handlers = Object.fromEntries(
    Object.keys(messages).map((type) => [
      type,
      async () => {
        handled.push(type)
        return {}
      },
    ]),
  )
  // Those of the cluster are the server's own.
  for (const type of Object.keys(clusterMessages)) delete handlers[type]
  const server = await startServer<'index', undefined>(
    { role: role as 'index', address: anyPort, connectionsMax: 100 },
    {
      ...dependencies,
      transport,
      desk,
      handlers: handlers as unknown as Handlers<'peer' | 'client', 'index', undefined>,
      welcome: async (_, connection) => {
        connections.push(connection)
        return { reply: { peerId }, session: undefined }
      },
      onRefused: (_, error) => refused.push(error.code),
    },
  )
  return {
    port: server.address.port,
    connections,
    handled,
    refused,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      transport[Symbol.dispose]()
    },
  }
}

/** What a caller has seen. */
export interface Talk {
  /** For each answered request `ok`, or the code of its error; the last one may be of the connection. */
  readonly answers: readonly string[]
  /** The same by the type of the request. */
  readonly byType: ReadonlyMap<string, string>
  /** Reasons in the errors. */
  readonly reasons: readonly unknown[]
  /** Why the connection failed, if not by an answer. */
  readonly failure: string | undefined
  readonly protocol: string | null
  readonly cipher: string | undefined
  readonly isResumed: boolean
  readonly session: Buffer | undefined
}

export type Request = readonly [MessageType | 'nonsense', unknown]

export const clientHello: Request = ['hello', { protocol: protocolVersion, role: 'client' }]

/** Key, certificate and protocol of a member, for {@link talk}. */
export function asMember({ credentials }: Pick<NodeIdentity, 'credentials'>): ConnectionOptions {
  return { key: credentials.key, cert: credentials.cert, ALPNProtocols: ['tandem/1'] }
}

export const asJoiner: ConnectionOptions = { ALPNProtocols: ['tandem-join/1'] }

interface CallerOptions extends ConnectionOptions {
  /** Of this machine: where the connection comes from. */
  readonly localAddress?: string
}

/** Connects with any TLS options, verifying nothing, sends all requests and returns what is answered. */
export async function talk(
  port: number,
  options: CallerOptions = {},
  requests: readonly Request[] = [clientHello],
): Promise<Talk> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options })
  const answers: string[] = []
  const byType = new Map<string, string>()
  const reasons: unknown[] = []
  let failure: string | undefined
  let session: Buffer | undefined
  const decoder = new FrameDecoder()
  socket.on('session', (made: Buffer) => {
    session = made
  })
  socket.on('error', (error: NodeJS.ErrnoException) => {
    failure = error.code ?? error.message
  })
  socket.on('data', (bytes: Buffer) => {
    decoder.push(bytes)
    for (let one = decoder.next(); one !== undefined; one = decoder.next()) {
      if (one.kind !== 'frame') continue
      const envelope = parseEnvelope(one.body)
      if (!('re' in envelope)) continue
      const answer = 'error' in envelope ? envelope.error.code : 'ok'
      answers.push(answer)
      byType.set(requests[envelope.re - 1]?.[0] ?? '', answer)
      if ('error' in envelope) reasons.push(envelope.error.details['reason'])
      if (answers.length === requests.length) socket.end()
    }
  })
  socket.on('end', () => socket.end())
  let facts: Pick<Talk, 'protocol' | 'cipher' | 'isResumed'> | undefined
  socket.once('secureConnect', () => {
    const cipher = socket.getCipher().name
    facts = { protocol: socket.getProtocol(), cipher, isResumed: socket.isSessionReused() }
    requests.forEach(([type, body], place) => socket.write(requestFrame(place + 1, type, body)))
  })
  await new Promise((resolve) => socket.once('close', resolve))
  const none = { protocol: null, cipher: undefined, isResumed: false }
  return { answers, byType, reasons, failure, session, ...(facts ?? none) }
}

/** A TLS server of any kind; what it receives is recorded. */
export async function otherServer(
  options: TlsOptions,
): Promise<{ readonly port: number; readonly received: Buffer[] } & AsyncDisposable> {
  const received: Buffer[] = []
  const server = createServer(options, (socket) => {
    socket.on('data', (bytes: Buffer) => received.push(bytes))
    socket.on('error', () => {})
  })
  server.on('tlsClientError', () => {})
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    received,
    [Symbol.asyncDispose]: async () => {
      server.close()
    },
  }
}
