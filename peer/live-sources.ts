/** What open pages see of a peer and its cluster. */
import { AppError } from '../common/errors.ts'
import { deadlines } from '../common/limits.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import type { ReachNotice } from './announce/reach-notice.ts'
import type { JoinedMesh } from './api/mesh-api.ts'
import type { KeptHistory } from './keep-history.ts'
import { totalOf } from './problem-table.ts'
import type { Share } from './share/share.ts'
import type { LiveSources } from './web/live/live-feed.ts'

interface Parts extends Pick<LiveSources, 'api' | 'downloads'> {
  readonly kept: KeptHistory
  readonly announcer: AskedIndex
  readonly share: Pick<Share, 'keptFolders' | 'problemCounts'>
  readonly reach: Pick<ReachNotice, 'unreachable'>
  readonly mesh: () => Pick<JoinedMesh, 'counts'> | undefined
}

export function liveSources({
  api,
  downloads,
  announcer,
  share,
  reach,
  kept,
  mesh,
}: Parts): LiveSources {
  return {
    api,
    downloads,
    running: () => kept.transfers.running(),
    listen: (listener) => kept.listen(listener),
    index: changeLink(announcer),
    localStatus: () => [
      totalOf(share.problemCounts()),
      share.keptFolders(),
      reach.unreachable,
      announcer.absence?.isActing,
      mesh()?.counts,
    ],
  }
}

/** The link by which a peer learns of changes at the index; it does not hurry a reconnection. */
export function changeLink(announcer: AskedIndex): LiveSources['index'] {
  return {
    get absence() {
      if (announcer.connection !== undefined) return undefined
      const { state, address } = announcer
      if (state.name === 'refused') return state.error
      return new AppError('INDEX_UNREACHABLE', { address })
    },
    async awaitChanges(after, signal) {
      const deadlineMs = deadlines.changesWaitMs + deadlines.requestMs
      const request = after === undefined ? {} : { after }
      for (;;) {
        const connection = await announcer.connected(signal)
        const { switched } = announcer
        const inTime = switched === undefined ? signal : AbortSignal.any([signal, switched])
        try {
          const options = { signal: inTime, deadlineMs }
          return await connection.request('await-changes', request, options)
        } catch (error) {
          // Another index is asked, to which everything is new.
          if (signal.aborted || switched?.aborted !== true) throw error
        }
      }
    },
  }
}
