/** What an upload is doing, for people. */
import { bytesText, countText } from '../format/units.ts'
import type { Upload } from './upload-queue.ts'

export function uploadText({ state, sentBytes, file, peers, factor, failure }: Upload): string {
  switch (state) {
    case 'queued':
      return `Waiting in the queue · ${bytesText(file.size)}`
    case 'sending':
      return `${bytesText(sentBytes)} of ${bytesText(file.size)}`
    case 'exists':
      return 'Another file has this name'
    case 'copying':
      return peers === undefined || factor === undefined
        ? 'On this peer; its copies are being made'
        : `${copiesText(peers, factor)}; the others are being made`
    case 'done':
      return copiesText(peers ?? [], factor ?? 0)
    case 'failed':
      return failure ?? 'It failed.'
    case 'cancelled':
      return 'Not shared'
  }
}

/** `2 of 2 copies: peer1, peer3`. */
function copiesText(peers: readonly string[], factor: number): string {
  const count = `${peers.length} of ${countText(factor, 'copy', 'copies')}`
  return peers.length === 0 ? count : `${count}: ${peers.join(', ')}`
}

export interface UploadSum {
  readonly unfinished: number
  readonly copying: number
  readonly done: number
}

export function sumOf(uploads: readonly Upload[]): UploadSum {
  const count = (...states: Upload['state'][]): number =>
    uploads.filter(({ state }) => states.includes(state)).length
  return {
    unfinished: count('queued', 'sending', 'exists'),
    copying: count('copying'),
    done: count('done'),
  }
}
