import type { JSX } from 'preact'
import { bytesText, dateText, rateText, timeText } from '../format/units.ts'
import { EmptyState } from '../parts/states.tsx'
import type { Column } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { ActivityList } from './activity-list.tsx'
import { latencyText, purposeTexts, sourcesText } from './activity-text.ts'
import type { PastTransfer } from './activity-types.ts'
import { FilesCell } from './files-cell.tsx'
import { HistoryPeerSelect, MissingPeers, Select } from './filters.tsx'
import { useActivityList, useMissing } from './use-activity-list.ts'

const columns: readonly Column[] = [
  { name: 'time', label: 'Ended' },
  { name: 'name', label: 'File' },
  { name: 'from', label: 'From' },
  { name: 'to', label: 'To' },
  { name: 'purpose', label: 'For' },
  { name: 'bytes', label: 'Size', isNumber: true },
  { name: 'took', label: 'Took', isNumber: true },
  { name: 'rate', label: 'Rate', isNumber: true },
]
const directions = [
  { value: '', label: 'Both' },
  { value: 'in', label: 'Received' },
  { value: 'out', label: 'Sent' },
]
/** Of all peers, both sides have recorded a transfer. */
const oncePerTransfer = [
  { value: '', label: 'Received' },
  { value: 'out', label: 'Sent' },
]
const rowsPerPage = 100

/** Transfers that have ended: who sent what to whom, and how fast. */
export function HistorySection(): JSX.Element {
  const { client, clock, route, go } = usePage()
  const { peer, direction } = route.value.query
  const missing = useMissing()
  const list = useActivityList<PastTransfer>(
    async (after, signal) => {
      const request = {
        peer,
        ...wayOf(direction ?? (peer === 'all' ? 'in' : '')),
        after,
        limit: rowsPerPage,
      }
      const reply = await client.call('history', request, signal)
      missing.value = reply.missing
      return { rows: reply.transfers, next: reply.next }
    },
    {
      question: `${peer ?? ''} ${direction ?? ''}`,
      types: ['transfers'],
      isOfOthers: peer !== undefined,
    },
  )
  return (
    <>
      <div class="toolbar filters">
        <HistoryPeerSelect />
        <Select
          label="Direction"
          name="direction"
          choices={peer === 'all' ? oncePerTransfer : directions}
        />
      </div>
      <MissingPeers missing={missing.value} />
      <ActivityList
        key={`${peer ?? ''} ${direction ?? ''}`}
        list={list}
        label="Finished transfers"
        layout="history-list"
        columns={columns}
        keyOf={({ id, at }) => `${at} ${id}`}
        cells={(transfer) => cellsOf(transfer, clock.nowMs())}
        onOpen={({ name }) => {
          if (name !== undefined) go({ view: 'files', query: { open: name } })
        }}
        empty={
          <EmptyState icon="activity" title="No transfers yet">
            Downloads and copies are listed here once they have ended, for 30 days.
          </EmptyState>
        }
      />
    </>
  )
}

/** A link that someone typed may have any word. */
function wayOf(direction: string): { direction?: 'in' | 'out' } {
  return direction === 'in' || direction === 'out' ? { direction } : {}
}

function cellsOf(transfer: PastTransfer, nowMs: number): JSX.Element[] {
  const { timeMs, from, to, purpose, bytes, durationMs, bytesPerSecond } = transfer
  const sources = sourcesText(from)
  return [
    <span key="time" class="soft" title={dateText(timeMs, nowMs)}>
      {timeOfDay(timeMs, nowMs)}
    </span>,
    <FilesCell key="name" files={transfer} />,
    <span key="from" class="cut" title={sources}>
      {sources}
    </span>,
    <span key="to" class="cut" title={to}>
      {to}
    </span>,
    <span key="purpose" class="soft">
      {purposeTexts[purpose]}
    </span>,
    <span key="bytes">{bytesText(bytes)}</span>,
    // Nothing is known of it if it took no time that could be measured, such as one of a group of small files.
    <span key="took">{durationMs < 1 ? '–' : latencyText(durationMs)}</span>,
    <span key="rate">{durationMs < 1 ? '–' : rateText(bytesPerSecond)}</span>,
  ]
}

/** With seconds today; the day matters more for what is older. */
export function timeOfDay(ms: number, nowMs: number): string {
  const isToday = new Date(ms).toDateString() === new Date(nowMs).toDateString()
  return isToday ? timeText(ms) : dateText(ms, nowMs)
}
