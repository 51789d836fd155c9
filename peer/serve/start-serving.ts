import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { hostKeyOf } from '../../common/protocol/host-share.ts'
import { startServer } from '../../common/protocol/server.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import { OpenFiles } from './open-files.ts'
import { type ServeDependencies, serveHandlers } from './serve-handlers.ts'
import type { SmallFileReader } from './served-contents.ts'
import { SmallFiles } from './small-files.ts'
import { UploadLine } from './upload-line.ts'

export interface Serving extends AsyncDisposable {
  /** Where it listens; with the real port when 0 was asked for. */
  readonly address: Address
  readonly connectionCount: number
}

/**
 * Answers other peers and clients that fetch from this one.
 * @throws AppError ADDRESS_IN_USE, DIAL_FAILED when the address cannot be had
 */
export async function startServing(
  options: {
    peerId: string
    address: Address
    /** Asked for each connection; those that are there stay when there are too many. */
    connectionsMax: () => number
  },
  dependencies: Omit<ServeDependencies, 'openFiles' | 'buffers' | 'line' | 'smallFiles'> & {
    smallReader: SmallFileReader
    transport: Transport
    log: Log
  },
): Promise<Serving> {
  const { peerId, address } = options
  const { transport, clock, log } = dependencies
  const openFiles = new OpenFiles({ clock })
  const smallFiles = new SmallFiles(dependencies)
  const line = new UploadLine({ clock })
  const buffers = new BufferPool({
    bufferBytes: limits.sendPieceBytes,
    crowdedBytes: limits.sendPieceBytesMin,
  })
  const server = await startServer(
    {
      role: 'peer',
      address,
      get connectionsMax() {
        return options.connectionsMax()
      },
    },
    {
      transport,
      clock,
      log,
      handlers: serveHandlers({ ...dependencies, openFiles, smallFiles, line, buffers }),
      welcome: async (hello, { remote, account }) => ({
        reply: { peerId },
        session: {
          id: hello.peerId ?? formatAddress(remote),
          host: hostKeyOf(remote.host),
          account,
        },
      }),
    },
  )
  return {
    address: server.address,
    get connectionCount() {
      return server.connectionCount
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      await openFiles[Symbol.asyncDispose]()
    },
  }
}
