/** Keeps the history of a peer: what it transfers, the queries made at it, and samples for charts. */
import { join } from 'node:path'
import type { Sample } from '../common/protocol/history-messages.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import type { GroupFinder } from './download/group-download.ts'
import { History } from './history/history.ts'
import { HistoryStore, type NewQuery } from './history/history-store.ts'
import { QueryLog } from './history/query-log.ts'
import { recordedLookups } from './history/recording.ts'
import { type SampledContents, Sampler } from './history/sampler.ts'
import { Transfers } from './history/transfers.ts'
import type { PeerDependencies } from './join-cluster.ts'
import type { Limiter } from './limit/limiter.ts'
import { servedHistory } from './served-history.ts'
import type { Share } from './share/share.ts'

/** Told of what is recorded, at the same time. */
export interface HistoryListener {
  onQueries(rows: readonly NewQuery[]): void
  onSample(sample: Sample): void
}

export interface KeptHistory {
  readonly history: History
  readonly transfers: Transfers
  readonly queries: QueryLog
  readonly served: ReturnType<typeof servedHistory>
  /** Samples until `stack` is disposed. */
  startSampling(
    announcer: Pick<AskedIndex, 'connection'>,
    limiter: Pick<Limiter, 'downloads' | 'uploads'>,
    stack: AsyncDisposableStack,
  ): void
  /** A finder for downloads, whose lookups are recorded. */
  recordedFinder(finder: GroupFinder): GroupFinder
  /** @returns what ends it */
  listen(listener: HistoryListener): () => void
}

/** All of it is closed with `starting`. */
export function keepHistory(
  { peerId, folder }: { readonly peerId: string; readonly folder: string },
  starting: AsyncDisposableStack,
  { share }: { share: Pick<Share, 'first'> },
  dependencies: PeerDependencies,
): KeptHistory {
  const { log } = dependencies
  const store = starting.use(new HistoryStore(join(folder, 'history.db'), { log }))
  const history = starting.use(new History(store, dependencies))
  const listeners = new Set<HistoryListener>()
  const transfers = starting.use(
    new Transfers({
      ...dependencies,
      peerId,
      nameOf: (sha256) => share.first(sha256)?.at.name,
      onEnded: (row) => history.addTransfer(row),
    }),
  )
  const onQueries = (rows: readonly NewQuery[]): void => {
    history.addQueries(rows)
    for (const listener of listeners) listener.onQueries(rows)
  }
  const queries = starting.use(new QueryLog(onQueries, dependencies))
  const onSample = (sample: Sample): void => {
    history.addSample(sample)
    for (const listener of listeners) listener.onSample(sample)
  }
  return {
    startSampling(announcer, { uploads, downloads }, stack) {
      const contents = contentsAt(announcer)
      const sampled = { uploads, downloads, queries, contents, onSample }
      stack.use(new Sampler({ ...dependencies, ...sampled }))
    },
    recordedFinder: (finder) => ({
      ...recordedLookups(finder, { log: queries, by: 'download', clock: dependencies.clock }),
      match: (request, signal) => finder.match(request, signal),
    }),
    history,
    transfers,
    queries,
    served: servedHistory(history),
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The contents of the cluster, if the index answers. */
function contentsAt(announcer: Pick<AskedIndex, 'connection'>): SampledContents {
  return async (signal) => {
    try {
      const status = await announcer.connection?.request('status', {}, { signal })
      if (status === undefined) return {}
      const { atFactor, belowFactor, repair } = status
      return { atFactor, belowFactor, withoutCopies: repair?.lacking.lost ?? 0 }
    } catch {
      signal.throwIfAborted()
      return {}
    }
  }
}
