import { expect, test } from 'vitest'
import type { Download } from '../live/live-types.ts'
import { progressText, totalsOf } from './download-text.ts'

const source = { host: '127.0.0.1', port: 7100 }
const running: Download = {
  id: 'd1',
  name: 'a',
  state: 'running',
  bytes: 500_000,
  size: 2_000_000,
  reusedBytes: 0,
  bytesPerSecond: 500_000,
  sources: [{ ...source, peerId: 'peer2', bytes: 500_000, bytesPerSecond: 500_000 }],
}
const files = {
  total: 3,
  isListed: true,
  done: 2,
  failed: 1,
  failures: [],
  folder: '/d',
  seconds: 1,
}
const result = { name: 'a', path: '/d/a', bytes: 2_000_000, reusedBytes: 0, seconds: 2, sha256: '' }

test.each<[Partial<Download>, string]>([
  [{}, '500 KB of 2.00 MB · 500 KB/s · 3 s left · from peer2'],
  [{ size: 0, bytes: 0, bytesPerSecond: 0, sources: [] }, '0 B · 0 B/s'],
  [{ state: 'waiting' }, 'Waiting in the queue'],
  [{ state: 'waiting', startedBy: 'follow' }, 'Followed · Waiting in the queue'],
  [{ waitingFor: 'no live peer has it' }, 'Waiting: no live peer has it'],
  [{ state: 'paused' }, 'Paused · 500 KB of 2.00 MB'],
  [{ state: 'paused', files }, 'Paused · 2 of 3 files · 500 KB of 2.00 MB'],
  [{ state: 'done', files }, '2 files, 2.00 MB, 1 failure'],
  [
    { state: 'done', result: { ...result, sources: [{ ...source, peerId: 'peer2' }] } },
    '2.00 MB from peer2 in 2 s',
  ],
  [{ state: 'done', result: { ...result, sources: [] } }, '2.00 MB · already on this peer'],
  [
    { state: 'failed', error: { code: 'X', message: 'No peer.', retryable: true, details: {} } },
    'No peer.',
  ],
])('%j: %s', (changes, text) => {
  expect(progressText({ ...running, ...changes })).toBe(text)
})

test('only active downloads are summed, and an unknown size makes the sum unknown', () => {
  const known = [running, { ...running, state: 'done' as const }, { ...running, size: 100 }]
  expect(totalsOf(known)).toEqual({ count: 2, bytes: 1e6, size: 2_000_100, bytesPerSecond: 1e6 })
  expect(totalsOf([running, { ...running, size: 0 }]).size).toBe(0)
})
