import type { JSX } from 'preact'
import { shownText } from '../format/shown-text.ts'
import { EmptyState } from '../parts/states.tsx'
import type { Column } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { ActivityList } from './activity-list.tsx'
import { answerText, callerTexts, latencyText, timesText } from './activity-text.ts'
import type { PastQuery } from './activity-types.ts'
import { HistoryPeerSelect, MissingPeers } from './filters.tsx'
import { timeOfDay } from './history-section.tsx'
import { useActivityList, useMissing } from './use-activity-list.ts'

const columns: readonly Column[] = [
  { name: 'time', label: 'Time' },
  { name: 'kind', label: 'Kind' },
  { name: 'name', label: 'Asked for' },
  { name: 'by', label: 'By' },
  { name: 'answer', label: 'Answer' },
  { name: 'took', label: 'Took', isNumber: true },
]
const rowsPerPage = 100

/** What was asked, by whom, and what the answer was; new ones appear on top. */
export function QueriesSection(): JSX.Element {
  const { client, clock, route } = usePage()
  const { peer } = route.value.query
  const missing = useMissing()
  const list = useActivityList<PastQuery>(
    async (after, signal) => {
      const reply = await client.call('queries', { peer, after, limit: rowsPerPage }, signal)
      missing.value = reply.missing
      return { rows: reply.queries, next: reply.next }
    },
    { question: peer ?? '', types: ['query'], isOfOthers: peer !== undefined },
  )
  return (
    <>
      <div class="toolbar filters">
        <HistoryPeerSelect />
      </div>
      <MissingPeers missing={missing.value} />
      <ActivityList
        key={peer ?? ''}
        list={list}
        label="Queries"
        layout="queries-list"
        columns={columns}
        keyOf={({ id, at }) => `${at} ${id}`}
        cells={(query) => cellsOf(query, { nowMs: clock.nowMs(), showsPeer: peer === 'all' })}
        empty={
          <EmptyState icon="search" title="No queries yet">
            Lookups, searches and opened folders are listed here, with their answers.
          </EmptyState>
        }
      />
    </>
  )
}

function cellsOf(
  query: PastQuery,
  { nowMs, showsPeer }: { nowMs: number; showsPeer: boolean },
): JSX.Element[] {
  const { timeMs, kind, what, by, at, count, error, sha256, durationMs } = query
  const answer = answerText(query)
  return [
    <span key="time" class="soft">
      {timeOfDay(timeMs, nowMs)}
    </span>,
    <span key="kind" class="soft">
      {kind}
    </span>,
    <span key="name" class="cut" title={shownText(what)}>
      {what === '' ? <span class="faint">top folder</span> : shownText(what)}
      {timesText(count)}
    </span>,
    <span key="by" class="cut">
      {callerTexts[by]}
      {showsPeer && <span class="faint"> at {at}</span>}
    </span>,
    <span
      key="answer"
      class={`cut${error === undefined ? '' : ' bad-text'}${sha256 === undefined ? '' : ' mono'}`}
      title={sha256 === undefined ? answer : `${sha256} ${answer}`}
    >
      {answer}
    </span>,
    <span key="took">{latencyText(durationMs)}</span>,
  ]
}
