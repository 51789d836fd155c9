import { interrupted } from '../common/interrupted.ts'
import { loadHttp } from '../evaluation/benchmarks/http-load.ts'
import { conditionsNow } from '../evaluation/scaling/machine.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { startCluster } from '../evaluation/system/cluster-fixture.ts'
import { copiesKnown } from '../evaluation/system/copies-known.ts'
import { fillEmptyFolder, generateDefaults } from '../peer/generate.ts'

export interface HttpOptions {
  /** Connections, each with one request at a time. */
  readonly connections: number
  /** Duration of the load on each path. */
  readonly seconds: number
  /** Output file of the result. */
  readonly output: string
}

/** Loads the HTTP API of a peer that it starts itself; the exit code is 1 if a request failed. */
export async function benchHttp({ connections, seconds, output }: HttpOptions): Promise<void> {
  // Catches signals, so that an interrupted run still stops its processes and removes their data.
  using _ = interrupted()
  const about = conditionsNow()
  await using cluster = await startCluster({
    peers: 2,
    factor: 1,
    prepare: async (peerId, folder) => {
      await fillEmptyFolder(folder, { peerId, ...generateDefaults })
    },
  })
  const files = generateDefaults.kb + generateDefaults.mb
  for (const peer of cluster.peers) await copiesKnown(peer, files)
  const load = { url: cluster.peer(1).apiUrl, name: 'peer2_kb_0050.txt', connections, seconds }
  const paths = await loadHttp(load)
  console.table(
    paths.map(({ path, requestsPerSecond, latencyMs, failed }) => ({
      path,
      'requests/s': requestsPerSecond,
      'p50 ms': latencyMs.p50,
      'p99 ms': latencyMs.p99,
      failed,
    })),
  )
  await writeResult(output, { ...about, connections, seconds, paths })
  if (paths.some(({ failed }) => failed > 0)) process.exitCode = 1
}
