/** `npm run eval:http`: loads the HTTP API of a peer that it starts itself. */
import { Command } from 'commander'
import { interrupted } from '../common/interrupted.ts'
import { loadHttp } from '../evaluation/benchmarks/http-load.ts'
import { thisMachine, thisVersion } from '../evaluation/scaling/machine.ts'
import { writeResult } from '../evaluation/scaling/result.ts'
import { startCluster } from '../evaluation/system/cluster-fixture.ts'
import { fillEmptyFolder, generateDefaults } from '../peer/generate.ts'
import { parsePositiveCount } from './parse-count.ts'
import { runScript } from './run-script.ts'

const { connections, seconds, output } = new Command('eval-http')
  .description('Loads the HTTP API of a peer with autocannon.')
  .option('--connections <count>', 'requests at the same time', parsePositiveCount, 32)
  .option('--seconds <count>', 'how long each path is loaded', parsePositiveCount, 5)
  .option('--output <file>', 'the result', 'evaluation/results/http_load.json')
  .parse()
  .opts<{ connections: number; seconds: number; output: string }>()

await runScript(async () => {
  // Caught, so that an interrupted run still stops its processes and removes their data.
  using _ = interrupted()
  await using cluster = await startCluster({
    peers: 2,
    factor: 1,
    prepare: async (peerId, folder) => {
      await fillEmptyFolder(folder, { peerId, ...generateDefaults })
    },
  })
  const [peer] = cluster.peers
  if (peer === undefined) return
  const load = { url: peer.apiUrl, name: 'peer2_kb_0050.txt', connections, seconds }
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
  const about = { version: thisVersion(), machine: thisMachine(), connections, seconds }
  await writeResult(output, { ...about, paths })
  if (paths.some(({ failed }) => failed > 0)) process.exitCode = 1
})
