import type { JSX } from 'preact'
import { awayText } from '../cluster/cluster-text.ts'
import { durationText, timeText } from '../format/units.ts'
import { Notice } from '../parts/states.tsx'
import { usePage } from './page-context.ts'

/** Says when what the page shows is out of date, or the cluster cannot be asked. */
export function Freshness(): JSX.Element | null {
  const { live, nowMs } = usePage()
  const connection = live.connection.value
  if (connection.state !== 'stale') {
    const failure = live.clusterFailure.value
    if (failure !== '') return <Notice tone="warn">{failure}</Notice>
    const away = live.status.value?.peer.indexAway
    return away === undefined ? null : <Notice tone="warn">{awayText(away)}</Notice>
  }
  const retry = (
    <button type="button" class="button" onClick={() => live.retry()}>
      Try now
    </button>
  )
  return (
    <Notice tone="warn" action={retry}>
      <strong>Out of date since {timeText(connection.sinceMs)}</strong>
      {/* Screen readers would read it every second. */}
      <span aria-hidden="true"> ({durationText(nowMs.value - connection.sinceMs)})</span>: the peer
      does not answer. The page reconnects automatically.
    </Notice>
  )
}
