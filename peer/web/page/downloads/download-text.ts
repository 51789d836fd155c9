/** What a download is doing, for people. */
import { bytesText, countText, durationText, rateText } from '../format/units.ts'
import type { Download } from '../live/live-types.ts'

export function isActive({ state }: Download): boolean {
  return state === 'running' || state === 'waiting'
}

export interface Totals {
  readonly count: number
  readonly bytes: number
  /** 0 while the size of one is unknown. */
  readonly size: number
  readonly bytesPerSecond: number
}

/** Sums over the active downloads. */
export function totalsOf(downloads: readonly Download[]): Totals {
  const active = downloads.filter(isActive)
  const sum = (field: 'bytes' | 'size' | 'bytesPerSecond'): number =>
    active.reduce((total, download) => total + download[field], 0)
  const isKnown = active.every(({ size }) => size > 0)
  return {
    count: active.length,
    bytes: sum('bytes'),
    size: isKnown ? sum('size') : 0,
    bytesPerSecond: sum('bytesPerSecond'),
  }
}

const starters = { follow: 'Followed', 'auto-fetch': 'Automatic' } as const

/** One line: how far it is, how fast, and how long it takes; and what started it, if no user did. */
export function progressText(download: Download): string {
  const { startedBy } = download
  const line = lineOf(download)
  return startedBy === undefined ? line : `${starters[startedBy]} · ${line}`
}

function lineOf(download: Download): string {
  const { state, bytes, size, bytesPerSecond, waitingFor, sources, error, result, files } = download
  if (state === 'failed') return error?.message ?? 'It failed.'
  if (state === 'done') return doneText(download)
  const far = size > 0 ? `${bytesText(bytes)} of ${bytesText(size)}` : bytesText(bytes)
  const count = files === undefined ? [] : [`${files.done} of ${countText(files.total, 'file')}`]
  if (state === 'paused') return ['Paused', ...count, far].join(' · ')
  if (state === 'waiting') return 'Waiting in the queue'
  if (waitingFor !== undefined) return `Waiting: ${waitingFor}`
  const left =
    bytesPerSecond > 0 && size > bytes
      ? [`${durationText(((size - bytes) / bytesPerSecond) * 1000)} left`]
      : []
  const from =
    sources.length === 0 ? [] : [`from ${sources.map(({ peerId }) => peerId).join(', ')}`]
  return [
    ...count,
    far,
    rateText(bytesPerSecond),
    ...left,
    ...(result === undefined ? from : []),
  ].join(' · ')
}

function doneText({ result, files, size }: Download): string {
  if (files !== undefined) {
    const failed = files.failed > 0 ? `, ${countText(files.failed, 'failure')}` : ''
    return `${countText(files.done, 'file')}, ${bytesText(size)}${failed}`
  }
  if (result === undefined) return bytesText(size)
  const { bytes, seconds, sources } = result
  if (sources.length === 0) return `${bytesText(bytes)} · already on this peer`
  const names = sources.map(({ peerId }) => peerId).join(', ')
  return `${bytesText(bytes)} from ${names} in ${durationText(seconds * 1000)}`
}
