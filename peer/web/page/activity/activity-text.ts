/** Transfers, queries and events in words: pure. */
import { shownText } from '../format/shown-text.ts'
import { bytesText, countText, durationText, numberText, shortHash } from '../format/units.ts'
import type { Transfer } from '../live/live-types.ts'
import type { PastQuery, PastTransfer } from './activity-types.ts'

export type Files = Pick<Transfer, 'name' | 'folder' | 'count' | 'sha256'>

/** `a/b.jpg`, `12 files in photos/`, `12 files`. */
export function filesText({ name, folder, count, sha256 }: Files): string {
  if (name !== undefined) return shownText(name)
  if (count === 1 && sha256 !== undefined) return `content ${shortHash(sha256)}`
  const files = countText(count, 'file')
  return folder === undefined ? files : `${files} in ${shownText(folder)}/`
}

export const purposeTexts = {
  replication: 'Copy',
  download: 'Download',
} as const

/** `peer1`, or with several sources what each has sent: `peer1 (12 MB), peer3 (8 MB)`. */
export function sourcesText(from: PastTransfer['from']): string {
  const [only] = from
  if (from.length === 1 && only !== undefined) return only.peerId
  return from.map(({ peerId, bytes }) => `${peerId} (${bytesText(bytes)})`).join(', ')
}

/** `< 0.1 ms`, `0.4 ms`, `35 ms`, `1.2 s`, `3 min 5 s`. */
export function latencyText(ms: number): string {
  if (ms > 0 && ms < 0.05) return '< 0.1 ms'
  if (ms < 9.95) return `${ms.toFixed(1)} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  return ms < 10_000 ? `${(ms / 1_000).toFixed(1)} s` : durationText(ms)
}

/** `0.2/s`, `12/s`, `1,200/s`. */
export function perSecondText(rate: number): string {
  return `${rate > 0 && rate < 9.95 ? rate.toFixed(1) : numberText(rate)}/s`
}

export const callerTexts = {
  page: 'Browser',
  command: 'Command',
  program: 'Program',
  download: 'Download',
  mesh: 'Mesh',
} as const

/** What a query was answered with: the content and its addresses, a number of rows, or an error. */
export function answerText({ kind, error, found, sha256, addresses }: PastQuery): string {
  if (error !== undefined) return error
  if (sha256 !== undefined)
    return addresses === undefined || addresses.length === 0
      ? `${shortHash(sha256)}, no live source`
      : `${shortHash(sha256)} at ${addresses.join(', ')}`
  if (found === 0) return kind === 'browse' ? 'empty' : 'nothing found'
  return found === undefined
    ? ''
    : countText(
        found,
        kind === 'browse' ? 'entry' : 'file',
        kind === 'browse' ? 'entries' : 'files',
      )
}

/** Times of a query that stands for several: ` × 12`. */
export function timesText(count: number): string {
  return count > 1 ? ` × ${numberText(count)}` : ''
}

/** `peer4 did not answer`, `peer4, peer7 and 3 more did not answer`. */
export function missingText(missing: readonly { readonly peerId: string }[]): string {
  const shown = missing.slice(0, 3).map(({ peerId }) => peerId)
  const more = missing.length - shown.length
  return `${shown.join(', ')}${more > 0 ? ` and ${numberText(more)} more` : ''} did not answer`
}
