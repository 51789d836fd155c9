import type { Download } from '../api.ts'
import { bytesText, durationText, speedText } from './human-units.ts'

/** What a progress line shows. */
export type Progress = Pick<Download, 'bytes' | 'size' | 'bytesPerSecond' | 'state'>

const barColumnsMax = 30
const barColumnsMin = 5

/** One line, at most `columns` wide if that leaves room for the figures: bar, share, bytes, speed, time left. */
export function progressLine(progress: Progress, columns: number): string {
  if (progress.state === 'waiting') return 'Waiting for its turn…'
  if (progress.size === 0) return 'Asking who has it…'
  const share = Math.min(1, progress.bytes / progress.size)
  const figures = [
    `${String(Math.floor(share * 100)).padStart(3)} %`,
    `${bytesText(progress.bytes)} of ${bytesText(progress.size)}`,
    speedText(progress.bytesPerSecond),
    timeLeft(progress),
  ].join('  ')
  // One column stays free: a full last line makes some terminals scroll.
  const barColumns = Math.min(barColumnsMax, columns - figures.length - 3)
  return barColumns < barColumnsMin ? figures : `${bar(share, barColumns)}  ${figures}`
}

function timeLeft({ bytes, size, bytesPerSecond }: Progress): string {
  if (bytesPerSecond <= 0) return bytes === 0 ? 'starting' : 'stalled'
  return `${durationText((size - bytes) / bytesPerSecond)} left`
}

function bar(share: number, columns: number): string {
  const full = Math.floor(share * columns)
  return '█'.repeat(full) + '░'.repeat(columns - full)
}
