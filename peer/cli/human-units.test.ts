import { describe, expect, test } from 'vitest'
import { bytesText, countText, durationText, speedText } from './human-units.ts'
import { progressLine } from './progress-bar.ts'

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.00 KB'],
  [999_994, '999.99 KB'],
  [999_999, '1.00 MB'],
  [1_073_741_824, '1.07 GB'],
  [8.5e18, '8500.00 PB'],
])('%d bytes are %s', (bytes, text) => {
  expect(bytesText(bytes)).toBe(text)
})

test('a speed has the unit of the sample session', () => {
  expect(speedText(1024 / 0.05)).toBe('20.48 KB/s')
})

test.each([
  [0, '0 s'],
  [0.2, '1 s'],
  [59.5, '1 min 00 s'],
  [185, '3 min 05 s'],
  [3_600, '1 h 00 min'],
  [93_600, '1 d 02 h'],
])('%d seconds are %s', (seconds, text) => {
  expect(durationText(seconds)).toBe(text)
})

test('counts have their singular', () => {
  expect([countText(1, 'copy', 'copies'), countText(2, 'copy', 'copies')]).toEqual([
    '1 copy',
    '2 copies',
  ])
})

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
    [{ ...half, state: 'waiting' as const }, 'Waiting for its turn…'],
    [{ ...half, size: 0 }, 'Asking who has it…'],
  ])('says what is waited for: %#', (progress, text) => {
    expect(progressLine(progress, 80)).toBe(text)
  })

  test('says when nothing moves', () => {
    expect(progressLine({ ...half, bytesPerSecond: 0 }, 80)).toContain('stalled')
    expect(progressLine({ ...half, bytes: 0, bytesPerSecond: 0 }, 80)).toContain('starting')
  })

  test.each([20, 60, 70, 80, 200])('fits into %d columns, or leaves the bar out', (columns) => {
    const line = progressLine(half, columns)
    expect(line.length < columns || !line.includes('█')).toBe(true)
  })
})
