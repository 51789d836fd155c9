import type { Log } from '../../common/log.ts'
import { BufferPool } from '../../common/protocol/buffer-pool.ts'
import type { ClusterDesk } from '../../common/protocol/cluster-desk.ts'
import { hostKeyOf } from '../../common/protocol/host-share.ts'
import { startServer } from '../../common/protocol/server.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import { ChunkProver } from './chunk-prover.ts'
import { OpenFiles } from './open-files.ts'
import { type ServeDependencies, serveHandlers } from './serve-handlers.ts'
import type { SmallFileReader } from './served-contents.ts'
import { SmallFiles } from './small-files.ts'
import { UploadQueue } from './upload-queue.ts'
import { VerifiedReads } from './verified-reads.ts'

/**
 * Bytes of a file sent at a time while the next piece is read: keeps the disk ahead of the network,
 * and 64 uploads take 64 MiB.
 */
export const sendPieceBytes = 512 * 1024
/**
 * The same for a host that has used its share of `limits.budgetBytesMax`, for example with stalled
 * readers.
 */
const sendPieceBytesMin = 8 * 1024

export interface Serving extends AsyncDisposable {
  /** The address it listens on, with the actual port if port 0 was requested. */
  readonly address: Address
  readonly connectionCount: number
  /** Reads contents for clients that cannot verify them. */
  readonly reads: Pick<VerifiedReads, 'pieces'>
  /** Proves to an index that this peer has its copies. */
  readonly prover: Pick<ChunkProver, 'prove' | 'show'>
}

/**
 * Starts to answer peers and clients that fetch from this peer.
 * @throws AppError ADDRESS_IN_USE; DIAL_FAILED when it cannot listen on the address
 */
export async function startServing(
  options: {
    peerId: string
    address: Address
    /** Called for each new connection; open connections stay if a lower limit is set. */
    connectionsMax: () => number
  },
  dependencies: Omit<ServeDependencies, 'openFiles' | 'buffers' | 'queue' | 'smallFiles'> & {
    smallReader: SmallFileReader
    transport: Transport
    log: Log
    /** Answers requests for the authority of a secured cluster. */
    desk?: ClusterDesk | undefined
    /** By default those of the file system. */
    openFiles?: ServeDependencies['openFiles'] & AsyncDisposable
    /** Called with the hash of a content of which a file has other bytes; returns immediately. */
    verify: (sha256: string) => void
  },
): Promise<Serving> {
  const { peerId, address } = options
  const { transport, clock, log, openFiles = new OpenFiles({ clock }) } = dependencies
  const smallFiles = new SmallFiles(dependencies)
  const queue = new UploadQueue({ clock })
  const buffers = new BufferPool({
    bufferBytes: sendPieceBytes,
    crowdedBytes: sendPieceBytesMin,
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
      desk: dependencies.desk,
      handlers: serveHandlers({ ...dependencies, openFiles, smallFiles, queue, buffers }),
      welcome: async (hello, { remote, proven, account }) => ({
        reply: { peerId },
        session: {
          id: proven?.id ?? hello.peerId ?? formatAddress(remote),
          host: hostKeyOf(remote.host),
          account,
        },
      }),
    },
  )
  const reads = new VerifiedReads({ ...dependencies, openFiles, queue })
  return {
    address: server.address,
    reads,
    prover: new ChunkProver({ ...dependencies, openFiles, queue, buffers }),
    get connectionCount() {
      return server.connectionCount
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]()
      reads[Symbol.dispose]()
      await openFiles[Symbol.asyncDispose]()
    },
  }
}
