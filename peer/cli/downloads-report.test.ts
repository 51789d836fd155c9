import { expect, test } from 'vitest'
import type { Download } from '../api/download-shapes.ts'
import { downloadsText } from './reports.ts'

const running: Download = {
  id: 'd1',
  name: 'a.txt',
  state: 'running',
  bytes: 500,
  size: 1000,
  reusedBytes: 0,
  bytesPerSecond: 100,
  sources: [{ peerId: 'p2', host: 'h2', port: 7101, bytes: 400, bytesPerSecond: 80 }],
}

test('downloads are listed with their progress, and why they wait', () => {
  const plain = (_: string, text: string): string => text
  expect(downloadsText([], plain)).toBe('No downloads.')
  const waiting = { ...running, id: 'd2', sources: [], waitingFor: 'p2 is away' }
  const text = downloadsText([running, waiting], plain)
  expect(text.split('\n')).toMatchObject([
    expect.stringContaining('REASON'),
    expect.stringMatching(/^d1 +a\.txt +running +50 % +1\.00 KB +100 B\/s +-/),
    expect.stringMatching(/^d2 .* p2 is away/),
  ])
})
