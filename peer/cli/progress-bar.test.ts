import { describe, expect, test } from 'vitest'
import type { Download } from '../api/download-shapes.ts'
import { progressLine, progressText } from './progress-bar.ts'

describe('a progress line', () => {
  const half = {
    state: 'running',
    bytes: 500_000,
    size: 1_000_000,
    bytesPerSecond: 250_000,
  } as const

  test('shows share, bytes, speed and time left', () => {
    expect(progressLine(half, 100)).toBe(
      `${'█'.repeat(15)}${'░'.repeat(15)}   50 %  500.00 KB of 1.00 MB  250.00 KB/s  2 s left`,
    )
  })

  test.each([
    [{ ...half, state: 'waiting' as const }, 'Queued…'],
    [{ ...half, size: 0 }, 'Looking for sources…'],
  ])('shows what the download waits for: %#', (progress, text) => {
    expect(progressLine(progress, 80)).toBe(text)
  })

  test('shows 100 % only when all bytes are there', () => {
    expect(progressLine({ ...half, bytes: 999_999 }, 100)).toContain(' 99 %')
    expect(progressLine({ ...half, bytes: 1_000_000 }, 100)).toContain('100 %')
  })

  test.each([
    [{ done: 2, failed: 0, total: 3, isListed: true }, '  2 of 3 files  '],
    [{ done: 2, failed: 1, total: 3, isListed: false }, '  2 of 3+ files, 1 failed  '],
  ])('counts files: %#', (counts, text) => {
    const files = { ...counts, failures: [], folder: '/downloaded', seconds: 1 }
    expect(progressLine({ ...half, files }, 120)).toContain(text)
  })

  test('shows when no bytes arrive', () => {
    expect(progressLine({ ...half, bytesPerSecond: 0 }, 80)).toContain('stalled')
    expect(progressLine({ ...half, bytes: 0, bytesPerSecond: 0 }, 80)).toContain('starting')
  })

  const figures = progressLine(half, 0)

  test.each([
    ['none', 0, figures.length + 7],
    ['the shortest', 5, figures.length + 8],
    ['one as wide as it gets', 30, figures.length + 33],
    ['no wider one', 30, figures.length + 100],
  ])('has %s bar, of %d columns, in a line of %d', (_, barColumns, columns) => {
    const [bar = ''] = /^[█░]*/.exec(progressLine(half, columns)) ?? []
    expect(bar).toBe('█'.repeat(Math.floor(barColumns / 2)).padEnd(barColumns, '░'))
  })

  test('leaves a column of the terminal free if it has a bar', () => {
    for (let columns = figures.length + 8; columns < 200; columns++)
      expect(progressLine(half, columns).length).toBeLessThan(columns)
  })
})

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

test('the progress shows the number of sources and, if verbose, each of them', () => {
  const columns = 100
  expect(progressText(running, { columns, isVerbose: false })).toMatch(/5 s left {2}1 source$/)
  const [, source] = progressText(running, { columns, isVerbose: true }).split('\n')
  expect(source).toBe('  p2 @ h2:7101  400 B  80 B/s')
  const reusing = { ...running, reusedBytes: 100 }
  expect(progressText(reusing, { columns, isVerbose: true }).split('\n').at(-1)).toBe(
    '  own files  100 B',
  )
  const waiting = { ...running, waitingFor: 'p2 is away' }
  expect(progressText(waiting, { columns, isVerbose: false })).toBe(
    'Waiting for a source, 500 B of 1.00 KB received',
  )
})
