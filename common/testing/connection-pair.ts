import type { BulkSource } from '../protocol/bulk.ts'
import { connect } from '../protocol/client.ts'
import type { Connection } from '../protocol/connection.ts'
import type { Handlers } from '../protocol/handlers.ts'
import { MemoryTransport } from '../protocol/memory-transport.ts'
import type { RequestOf } from '../protocol/messages.ts'
import { noMesh } from '../protocol/no-mesh.ts'
import { type Server, startServer } from '../protocol/server.ts'
import { FakeClock } from './fake-clock.ts'
import { noHistory } from './no-history.ts'
import { silentLog } from './silent-log.ts'

/** The content that tests request. */
export const sha256 = 'ab'.repeat(32)
type PeerHandlers = Handlers<'peer' | 'client', 'peer', string>

const plainHandlers: PeerHandlers = {
  'chunk-list': async () => ({ reply: { size: 1, chunkRoot: sha256 }, bulk: bulkOf('list') }),
  chunks: async () => ({ size: 1, count: 1 }),
  read: async ({ chunk }) => ({ reply: {}, bulk: bulkOf(`chunk ${chunk}`) }),
  'read-many': async () => ({ reply: { contents: [{ size: 5 }] }, bulk: bulkOf('whole') }),
  ...noHistory,
  ...noMesh,
}

/** A source that sends these texts, one per piece. */
export function bulkOf(...pieces: string[]): BulkSource {
  const buffers = pieces.map((piece) => Buffer.from(piece))
  return { bytes: buffers.reduce((sum, piece) => sum + piece.length, 0), pieces: buffers }
}

/** A server, and a client connected to it. */
interface ConnectionPair extends AsyncDisposable {
  readonly clock: FakeClock
  readonly transport: MemoryTransport
  readonly server: Server
  readonly client: Connection
  /** Connects another client. */
  dial(): Promise<Connection>
  readonly closedSessions: readonly string[]
  /** The other end of the most recent connection. */
  readonly atServer: Connection | undefined
}

/** A server that answers with these handlers, and a client. */
export async function connectionPair(
  handlers: Partial<PeerHandlers> = {},
): Promise<ConnectionPair> {
  const clock = new FakeClock()
  const transport = new MemoryTransport()
  const closedSessions: string[] = []
  let atServer: Connection | undefined
  const server = await startServer<'peer', string>(
    { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 2 },
    {
      transport,
      clock,
      log: silentLog,
      handlers: { ...plainHandlers, ...handlers },
      welcome: async (_: RequestOf<'hello'>, connection) => {
        atServer = connection
        return { reply: { peerId: 'server' }, session: 'session' }
      },
      onClosed: (session) => closedSessions.push(session),
    },
  )
  const dial = async (): Promise<Connection> => {
    const options = { transport, address: server.address, role: 'peer' as const }
    const { connection } = await connect(
      { ...options, hello: { role: 'client' as const } },
      { clock, log: silentLog },
    )
    return connection
  }
  const client = await dial()
  return {
    clock,
    transport,
    server,
    client,
    dial,
    closedSessions,
    get atServer(): Connection | undefined {
      return atServer
    },
    async [Symbol.asyncDispose](): Promise<void> {
      client.destroy()
      await server[Symbol.asyncDispose]()
    },
  }
}
