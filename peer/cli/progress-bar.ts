import { formatAddress } from '../../common/protocol/transport.ts'
import type { Download } from '../api/download-shapes.ts'
import { bytesText, countText, durationText, speedText } from './human-units.ts'
import { printable } from './printable.ts'

/** What a progress line shows. */
export type Progress = Pick<Download, 'bytes' | 'size' | 'bytesPerSecond' | 'state'> &
  Partial<Pick<Download, 'sources' | 'waitingFor' | 'files' | 'reusedBytes'>>

const barColumnsMax = 30
const barColumnsMin = 5

/** One line: bar, percentage, bytes, rate, time left, sources. Without the bar if `columns` leaves no room for it. */
export function progressLine(progress: Progress, columns: number): string {
  if (progress.state === 'waiting') return 'Queued…'
  if (progress.size === 0) return 'Looking for sources…'
  const share = Math.min(1, progress.bytes / progress.size)
  if (progress.waitingFor !== undefined)
    return `Waiting for a source, ${bytesText(progress.bytes)} of ${bytesText(progress.size)} received`
  const { sources = [], files } = progress
  const figures = [
    `${String(Math.floor(share * 100)).padStart(3)} %`,
    ...(files ? [filesText(files)] : []),
    `${bytesText(progress.bytes)} of ${bytesText(progress.size)}`,
    speedText(progress.bytesPerSecond),
    timeLeft(progress),
    ...(sources.length > 0 ? [countText(sources.length, 'source')] : []),
  ].join('  ')
  // One column stays free: a full last line makes some terminals scroll.
  const barColumns = Math.min(barColumnsMax, columns - figures.length - 3)
  return barColumns < barColumnsMin ? figures : `${bar(share, barColumns)}  ${figures}`
}

/** The progress line and, if verbose, one line for each source, other files of the peer included. */
export function progressText(
  progress: Progress,
  { columns, isVerbose }: { columns: number; isVerbose: boolean },
): string {
  const sources = isVerbose ? (progress.sources ?? []) : []
  const lines = sources.map(
    ({ bytes, bytesPerSecond, ...source }) =>
      `  ${printable(source.peerId)} @ ${printable(formatAddress(source))}  ${bytesText(bytes)}  ${speedText(bytesPerSecond)}`,
  )
  const { reusedBytes = 0 } = progress
  const own = isVerbose && reusedBytes > 0 ? [`  own files  ${bytesText(reusedBytes)}`] : []
  return [progressLine(progress, columns), ...lines, ...own].join('\n')
}

/** `12 of 340 files`; with a `+` while the list is incomplete. */
function filesText({ done, failed, total, isListed }: NonNullable<Progress['files']>): string {
  const failures = failed > 0 ? `, ${failed} failed` : ''
  return `${done} of ${total}${isListed ? '' : '+'} files${failures}`
}

function timeLeft({ bytes, size, bytesPerSecond }: Progress): string {
  if (bytesPerSecond <= 0) return bytes === 0 ? 'starting' : 'stalled'
  return `${durationText((size - bytes) / bytesPerSecond)} left`
}

function bar(share: number, columns: number): string {
  const full = Math.floor(share * columns)
  return '█'.repeat(full) + '░'.repeat(columns - full)
}
