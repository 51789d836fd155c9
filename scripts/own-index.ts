import { join, resolve } from 'node:path'
import { MemoryTransport } from '../common/protocol/memory-transport.ts'
import { openOrReplace } from '../common/replace-database.ts'
import { configFile } from '../common/settings.ts'
import { dialBackOver } from '../indexing-server/dial-back.ts'
import { startIndexingServer } from '../indexing-server/indexing-server.ts'
import { loadIndexSettings } from '../indexing-server/settings.ts'
import type { StartOwnIndex } from '../peer/mesh/own-index.ts'

/** Memory for answers to lookups: few others than its peer ask it. */
const ownLookupBytes = 4 * 1_024 * 1_024

/**
 * The index of a peer in a mesh, in the peer's process: the section `index` of the config file and
 * the environment set its replication factor and times.
 * @param flags of the peer; only its config file is used
 */
export function ownIndexFrom(flags: Readonly<Record<string, unknown>>): StartOwnIndex {
  return async ({ peerId, data }, dependencies) => {
    const file = configFile(typeof flags['config'] === 'string' ? flags['config'] : undefined)
    const { values } = loadIndexSettings({ file, flags: {} })
    const { transport: outside, clock, log } = dependencies
    const transport = new MemoryTransport()
    const index = await startIndexingServer(
      {
        ...values,
        lookupBytes: ownLookupBytes,
        host: 'localhost',
        port: 0,
        data: data === ':memory:' ? data : join(resolve(data), '.tandem', 'mesh'),
      },
      {
        ...dependencies,
        transport,
        // Not to be confused with that of the cluster.
        log: log.child({ ownIndex: true }),
        ownPeerId: peerId,
        // The other members tell it all of it again.
        openDatabase: (path, options) => openOrReplace(path, { ...options, log, isRead: false }),
        dialBack: dialBackOver(outside, { clock, log }),
      },
    )
    return {
      transport,
      address: index.address,
      deadAfterMs: values.deadAfterMs,
      usedBytes: () => index.usedBytes(),
      onGate: () => index.onGate(),
      [Symbol.asyncDispose]: () => index[Symbol.asyncDispose](),
    }
  }
}
