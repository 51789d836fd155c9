/** Lookups per second of an index alone, without peers in between, over the number of connections. */
import Type, { type Static } from 'typebox'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Crowd } from '../benchmarks/index/crowd.ts'
import { compileGenerator, generateLoad } from '../benchmarks/index/load-generator.ts'
import { writeLoads } from '../benchmarks/index/loads.ts'
import { changesOf } from '../benchmarks/index/names.ts'
import { startTestedIndex } from '../benchmarks/index/tested-index.ts'
import { conditionsNow } from './machine.ts'

const peers = 10
const filesPerPeer = 1_000
const secondsPerStep = 1

export const IndexScaling = Type.Object({
  files: Type.Integer(),
  steps: Type.Array(
    Type.Object({
      /** Each has one lookup in flight. */
      connections: Type.Integer({ minimum: 1 }),
      perSecond: Type.Number(),
      /** In seconds. */
      p50: Type.Number(),
      p99: Type.Number(),
    }),
    { minItems: 1 },
  ),
})
export type IndexScaling = Static<typeof IndexScaling>

/** Measures an index on one core with the load generator on another; each file has two copies. */
export async function measureIndexScaling(
  connections: readonly number[],
  onProgress: (line: string) => void,
): Promise<IndexScaling & ReturnType<typeof conditionsNow>> {
  await using stack = new AsyncDisposableStack()
  const about = conditionsNow()
  const folder = stack.use(await temporaryFolder()).path
  const generator = await compileGenerator(folder)
  const { port } = stack.use(await startTestedIndex(folder))
  const crowd = stack.use(await Crowd.join({ host: '127.0.0.1', port }, peers))
  const announced = crowd.members.map((member, owner) =>
    member.announce(changesOf(owner, filesPerPeer, peers)),
  )
  await Promise.all(announced)
  const { framed: requests } = await writeLoads(folder, { owners: peers, files: filesPerPeer })
  const load = { port, requests, inFlight: 1, seconds: secondsPerStep, protocol: 'framed' as const }
  await generateLoad(generator, { ...load, connections: 8 })
  const steps: IndexScaling['steps'] = []
  for (const count of connections) {
    const { perSecond, p50, p99 } = await generateLoad(generator, { ...load, connections: count })
    steps.push({ connections: count, perSecond, p50, p99 })
    onProgress(`index alone, ${count} connections: ${Math.round(perSecond)} lookups/s`)
  }
  return { ...about, files: peers * filesPerPeer, steps }
}
