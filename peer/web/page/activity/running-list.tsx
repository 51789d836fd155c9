import type { JSX } from 'preact'
import { bytesText, durationText, percentText, rateText } from '../format/units.ts'
import type { Transfer } from '../live/live-types.ts'
import { Progress } from '../parts/progress.tsx'
import { EmptyState, LoadingState } from '../parts/states.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { filesText, purposeTexts } from './activity-text.ts'
import { FilesCell } from './files-cell.tsx'

const columns: readonly Column[] = [
  { name: 'name', label: 'File' },
  { name: 'way', label: 'Peer' },
  { name: 'purpose', label: 'For' },
  { name: 'part', label: 'Progress' },
  { name: 'rate', label: 'Rate', isNumber: true },
]

/** Each source and each requester of a file is a row. */
export function RunningList({
  transfers,
}: {
  readonly transfers: readonly Transfer[] | undefined
}): JSX.Element {
  if (transfers === undefined)
    return (
      <div class="card">
        <LoadingState lines={3} />
      </div>
    )
  if (transfers.length === 0)
    return (
      <div class="card quiet-state">
        <EmptyState icon="activity" title="No transfers now">
          Downloads and copies appear here while they run, each with its peers and rates.
        </EmptyState>
      </div>
    )
  return (
    <VirtualList
      label="Transfers now"
      layout="running-list"
      columns={columns}
      rows={transfers}
      keyOf={(transfer) =>
        `${transfer.direction} ${transfer.purpose} ${transfer.peerId} ${filesText(transfer)} ${transfer.sha256 ?? ''}`
      }
      cells={(transfer) => cellsOf(transfer)}
    />
  )
}

function cellsOf(transfer: Transfer): JSX.Element[] {
  const { direction, peerId, purpose, bytes, size, bytesPerSecond } = transfer
  const text = filesText(transfer)
  const left =
    bytesPerSecond > 0 && size > bytes
      ? ` · ${durationText(((size - bytes) / bytesPerSecond) * 1000)}`
      : ''
  return [
    <FilesCell key="name" files={transfer} />,
    <span key="way" class="cut">
      <span class="faint">{direction === 'in' ? 'from' : 'to'}</span> {peerId}
    </span>,
    <span key="purpose" class="soft">
      {purposeTexts[purpose]}
    </span>,
    <span key="part" class="part" title={`${bytesText(bytes)} of ${bytesText(size)}`}>
      <Progress part={bytes} whole={size} label={text} />
      <span class="soft cut">
        {percentText(bytes, size)}
        {left}
      </span>
    </span>,
    <span key="rate">{rateText(bytesPerSecond)}</span>,
  ]
}
