import { AppError } from '../common/errors.ts'
import type { Fetcher } from './fetch/fetcher.ts'
import { takeSmall } from './fetch/small/take-small.ts'
import type { ReplicaFetcher, SmallCopy, SmallOutcome } from './replicate/replicator.ts'
import type { Shelf } from './shelf.ts'

interface Dependencies {
  readonly shelf: Pick<Shelf, 'adoptGroup' | 'areThere' | 'readSmall'>
  readonly fetcher: Pick<Fetcher, 'fetch' | 'reserve' | 'smallFetch'>
}

/** Fetches for replication, with the fetcher of the downloads. */
export function replicaFetcher(dependencies: Dependencies): ReplicaFetcher {
  return {
    // A replicated copy vouches for its chunk root, so the whole content must be hashed.
    fetch: (request) =>
      dependencies.fetcher.fetch({
        ...request,
        purpose: 'replication',
        keeps: true,
        hashesWhole: true,
      }),
    keepSmall: (copies, options) => keepSmall(copies, options, dependencies),
  }
}

async function keepSmall(
  copies: readonly SmallCopy[],
  { signal, onBytes }: Parameters<ReplicaFetcher['keepSmall']>[1],
  { shelf, fetcher }: Dependencies,
): Promise<SmallOutcome[]> {
  const there = await shelf.areThere(copies)
  const lacking = copies.filter((_, index) => there[index] !== true)
  const outcomes = new Map<SmallCopy, SmallOutcome>()
  using small = fetcher.smallFetch({ purpose: 'replication', signal, onBytes })
  const lackingBytes = lacking.reduce((sum, { content }) => sum + content.size, 0)
  using _ = await fetcher.reserve(lackingBytes, { purpose: 'replication' })
  const onPlaced = (copy: SmallCopy, outcome: unknown): void => {
    if (outcome instanceof AppError) outcomes.set(copy, outcome)
  }
  const missed = await takeSmall(lacking, { signal, onPlaced }, { small, shelf })
  for (const { file, tried, isDoubtful } of missed) {
    const { name } = file.key
    outcomes.set(file, isDoubtful ? 'alone' : new AppError('NO_SOURCE', { name, tried }))
  }
  return copies.map((copy) => outcomes.get(copy))
}
