import type { JSX } from 'preact'
import { callerTexts, timesText } from '../activity/activity-text.ts'
import type { PastQuery } from '../activity/activity-types.ts'
import { timeOfDay } from '../activity/history-section.tsx'
import { useActivityList } from '../activity/use-activity-list.ts'
import { shownText } from '../format/shown-text.ts'
import { shortHash } from '../format/units.ts'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'
import { type MeshColumn, MeshSection } from './mesh-section.tsx'
import { answerersText, askerText } from './mesh-text.ts'

const queriesShown = 20
const columns: readonly MeshColumn[] = [
  { label: 'Time' },
  { label: 'Asked for' },
  { label: 'By', isSecondary: true },
  { label: 'Query', isSecondary: true },
  { label: 'SHA-256', isSecondary: true },
  { label: 'Answered by' },
]

/** What was asked at this peer and through the mesh, newest first. */
export function MeshQueries(): JSX.Element {
  const { act, client, clock } = usePage()
  const list = useActivityList<PastQuery>(
    async (after, signal) => {
      const reply = await client.call('queries', { after, limit: queriesShown }, signal)
      return { rows: reply.queries, next: undefined }
    },
    { question: '', types: ['query'] },
  )
  const rows = list.rows.value
  const state = list.state.value
  return (
    <MeshSection
      title="Queries"
      columns={columns}
      isEmpty={state !== 'ready' || rows.length === 0}
      more={{ href: formatRoute({ view: 'activity', path: 'queries' }), label: 'All queries' }}
    >
      {state === 'failed' && (
        <ErrorState sentence={list.failure.value} onRetry={() => act(() => list.retry())} />
      )}
      {state === 'loading' && <LoadingState lines={3} />}
      {state === 'ready' && rows.length === 0 && (
        <EmptyState icon="search" title="No queries yet">
          Lookups, searches, and queries of other members that this peer answered are listed here.
        </EmptyState>
      )}
      {state === 'ready' &&
        rows
          .slice(0, queriesShown)
          .map((query) => <QueryRow key={query.id} query={query} nowMs={clock.nowMs()} />)}
    </MeshSection>
  )
}

function QueryRow({
  query,
  nowMs,
}: {
  readonly query: PastQuery
  readonly nowMs: number
}): JSX.Element {
  const { timeMs, kind, what, count, queryId, sha256 } = query
  return (
    <tr>
      <td class="soft">{timeOfDay(timeMs, nowMs)}</td>
      <th scope="row">
        {what === '' ? <span class="faint">{kind}</span> : shownText(what)}
        {timesText(count)}
      </th>
      <td class="secondary">{askerText(query, callerTexts)}</td>
      <td class="secondary">
        {queryId === undefined ? (
          <span class="faint">–</span>
        ) : (
          <code class="faint" title={queryId}>
            {queryId.slice(0, 8)}
          </code>
        )}
      </td>
      <td class="secondary">
        {sha256 === undefined ? (
          <span class="faint">–</span>
        ) : (
          <code class="faint" title={sha256}>
            {shortHash(sha256)}
          </code>
        )}
      </td>
      <td class="mono">{answerersText(query)}</td>
    </tr>
  )
}
