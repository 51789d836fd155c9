import type { JSX } from 'preact'
import { EmptyState } from '../parts/states.tsx'
import type { Column } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { ActivityList } from './activity-list.tsx'
import type { EventRow } from './activity-types.ts'
import { eventGroups, kindsOf, kindText, toneOf } from './event-kinds.ts'
import { PeerSelect, Select } from './filters.tsx'
import { timeOfDay } from './history-section.tsx'
import { useActivityList } from './use-activity-list.ts'

const columns: readonly Column[] = [
  { name: 'time', label: 'Time' },
  { name: 'name', label: 'What happened' },
  { name: 'kind', label: 'Kind' },
]
const rowsPerPage = 100

/** What happened to copies and peers anywhere in the cluster; new events appear on top. */
export function EventsSection(): JSX.Element {
  const { client, clock, route, go } = usePage()
  const { peer, kinds } = route.value.query
  const list = useActivityList<EventRow>(
    async (before, signal) => {
      const ofPeer = peer === undefined ? {} : { peerId: peer }
      const request = { ...ofPeer, kinds: kindsOf(kinds), before, limit: rowsPerPage }
      const { events, next, isMore } = await client.call('events', request, signal)
      return { rows: events, next: isMore ? next : undefined }
    },
    { question: `${peer ?? ''} ${kinds ?? ''}`, types: ['happened', 'missed'] },
  )
  return (
    <>
      <div class="toolbar filters">
        <Select
          label="Show"
          name="kinds"
          choices={[
            { value: '', label: 'All events' },
            ...eventGroups.map(({ name, label }) => ({ value: name, label })),
          ]}
        />
        <PeerSelect first={[{ value: '', label: 'All peers' }]} />
      </div>
      <ActivityList
        key={`${peer ?? ''} ${kinds ?? ''}`}
        list={list}
        label="Events"
        layout="events-list"
        columns={columns}
        keyOf={({ id }) => id}
        cells={(event) => cellsOf(event, clock.nowMs())}
        onOpen={({ name }) => {
          if (name !== undefined) go({ view: 'files', query: { open: name } })
        }}
        empty={
          <EmptyState icon="activity" title="No events">
            {kinds === undefined && peer === undefined
              ? 'Copies that are made or lost, and peers that come and go, are listed here.'
              : 'No event matches these filters.'}
          </EmptyState>
        }
      />
    </>
  )
}

function cellsOf({ timeMs, kind, text }: EventRow, nowMs: number): JSX.Element[] {
  const tone = toneOf(kind)
  return [
    <span key="time" class="soft">
      {timeOfDay(timeMs, nowMs)}
    </span>,
    <span key="name" class="event-text">
      <span class={`dot ${tone}`} />
      <span class="cut" title={text}>
        {text}
      </span>
    </span>,
    <span key="kind" class="faint cut">
      {kindText(kind)}
    </span>,
  ]
}
