import type { Clock } from '../common/clock.ts'
import type { Log } from '../common/log.ts'
import type { Finder } from './find/finder.ts'
import { replicaFetcher } from './replica-fetcher.ts'
import type { ReplicaFetcher } from './replicate/replicator.ts'
import { Restorer, type RestoreShelf } from './replicate/restorer.ts'

interface Parts {
  readonly share: Parameters<typeof replicaFetcher>[0]['shelf'] & RestoreShelf
  readonly fetcher: Parameters<typeof replicaFetcher>[0]['fetcher']
  /** It does not exist yet. */
  readonly finder: () => Pick<Finder, 'restoreFailed'>
}

/** What fetches replicas, and what brings deleted files back with it. */
export function startRestoring(
  stack: AsyncDisposableStack,
  { share, fetcher, finder }: Parts,
  { clock, log }: { clock: Clock; log: Log },
): { replicas: ReplicaFetcher; restorer: Restorer } {
  const replicas = replicaFetcher({ shelf: share, fetcher })
  const restorer = new Restorer({
    fetcher: replicas,
    shelf: share,
    report: (failure, signal) => finder().restoreFailed(failure, signal),
    clock,
    log,
  })
  return { replicas, restorer: stack.use(restorer) }
}
