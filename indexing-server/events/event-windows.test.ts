import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import type { NewEvent, RecordedEvent } from './event.ts'
import { EventWindows } from './event-windows.ts'

const copied = (name: string, fields: Partial<NewEvent> = {}): NewEvent => ({
  kind: 'copied',
  peerId: 'peer2',
  otherPeerId: 'peer1',
  name,
  sha256: 'a'.repeat(64),
  bytes: 10,
  durationMs: 100,
  ...fields,
})

/** What `events`, each with its time, are recorded as once all windows have closed. */
function recorded(...events: readonly (readonly [timeMs: number, event: NewEvent])[]) {
  const windows = new EventWindows()
  for (const [timeMs, event] of events) windows.add(event, timeMs, timeMs)
  return windows.takeAll()
}

describe('similar events', () => {
  test('remain single if they are few', () => {
    const few = Array.from({ length: 5 }, (_, index) => [index, copied(`f${index}`)] as const)
    expect(recorded(...few).map(({ name, count }) => [name, count])).toEqual(
      few.map((_, index) => [`f${index}`, 1]),
    )
  })

  test('become one summary with their folder, bytes and time if they are more', () => {
    const many = Array.from(
      { length: 538 },
      (_, index) => [1_000 + index * 10, copied(`photos/${index % 7}/f${index}`)] as const,
    )
    expect(recorded(...many)).toEqual([
      {
        kind: 'copied',
        peerId: 'peer2',
        otherPeerId: 'peer1',
        folder: 'photos',
        count: 538,
        bytes: 5_380,
        timeMs: 6_370,
        durationMs: 5_470,
      },
    ])
  })

  test.each([
    [['a/b/f', 'a/b/g'], 'a/b'],
    [['a/b/f', 'a/bc/f'], 'a'],
    [['a/f', 'a/b/c/f'], 'a'],
    [['a/f', 'b/f'], undefined],
    [['f', 'a/f'], undefined],
  ])('of %j share the folder %s', (names, folder) => {
    const many = Array.from({ length: 9 }, (_, index) => names[index % 2] ?? '')
    const [summary] = recorded(...many.map((name) => [0, copied(name)] as const))
    expect(summary?.folder).toBe(folder)
  })

  test('of another kind, peer, source or reason stay apart', () => {
    const one = Array.from({ length: 9 }, () => [0, copied('f')] as const)
    const others = [
      copied('f', { kind: 'healed' }),
      copied('f', { peerId: 'peer3' }),
      copied('f', { otherPeerId: 'peer3' }),
      copied('f', { reason: 'peer3 is dead' }),
    ].map((event) => [0, event] as const)
    expect(recorded(...one, ...others).map(({ count }) => count)).toEqual([9, 1, 1, 1, 1])
  })
})

test('single events are recorded a quarter of a second after they happened', () => {
  const windows = new EventWindows()
  for (let ms = 0; ms < 5 * 1_500; ms += 1_500) {
    windows.add(copied(`f${ms}`), ms, ms)
    expect(windows.takeDue(ms + 249)).toEqual([])
    expect(windows.takeDue(ms + 250)).toMatchObject([{ name: `f${ms}` }])
  }
  expect(windows.isEmpty).toBe(false)
  expect(windows.takeDue(9_000)).toEqual([])
  expect(windows.isEmpty).toBe(true)
})

test('the longer a burst lasts, the longer its records are apart, and its end is one', () => {
  const windows = new EventWindows()
  const records: (readonly [ms: number, count: number])[] = []
  for (let ms = 0; ms <= 150_000; ms += 50) {
    if (ms < 120_000) windows.add(copied(`f${ms}`), ms, ms)
    records.push(...windows.takeDue(ms).map(({ count }) => [ms, count] as const))
  }
  expect(records).toEqual([
    [250, 6],
    [1_250, 20],
    [5_250, 80],
    [21_250, 320],
    [81_250, 1_200],
    [121_950, 774],
  ])
})

test('a slow stream of events is combined, too', () => {
  const windows = new EventWindows()
  let records = 0
  for (let ms = 0; ms < 3_600_000; ms += 100) {
    if (ms % 600 === 0) windows.add(copied(`f${ms}`), ms, ms)
    records += windows.takeDue(ms).length
  }
  expect(records).toBeLessThan(90)
})

test('whatever happens, each event is recorded once, with its bytes', () => {
  for (let seed = 0; seed < 50; seed++) {
    const random = seededRandom(`windows ${seed}`)
    const below = (count: number): number => Math.floor(random.fraction() * count)
    const windows = new EventWindows()
    const found: RecordedEvent[] = []
    let [nowMs, bytes] = [0, 0]
    const count = 2_000
    for (let index = 0; index < count; index++) {
      nowMs += below(2) * below(1_500)
      const event = copied(`f${index}`, { peerId: `p${below(3_000)}`, bytes: index })
      bytes += index
      windows.add(event, nowMs, nowMs)
      if (below(100) === 0) found.push(...windows.takeDue(nowMs))
      if (windows.isFull) found.push(...windows.takeAll())
    }
    found.push(...windows.takeAll())
    const sum = (of: 'count' | 'bytes'): number =>
      found.reduce((all, event) => all + (event[of] ?? 0), 0)
    expect([sum('count'), sum('bytes')], `seed ${seed}`).toEqual([count, bytes])
  }
})

test('details of a reason, after a colon, do not distinguish events', () => {
  const failed = (name: string): NewEvent => copied(name, { reason: `DISK_FAILED: ${name}` })
  expect(recorded([0, failed('a')], [0, failed('b')])).toMatchObject([
    { reason: 'DISK_FAILED: a' },
    { reason: 'DISK_FAILED: b' },
  ])
  const many = Array.from({ length: 9 }, (_, index) => [0, failed(`${index}`)] as const)
  expect(recorded(...many)).toMatchObject([{ count: 9, reason: 'DISK_FAILED' }])
})
