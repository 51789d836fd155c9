import { assert as check, integer, property, record } from 'fast-check'
import { expect, test } from 'vitest'
import { movedTo, rowAfterKey, scrollTopFor, virtualWindow } from './virtual-window.ts'

const place = record({
  scrollTop: integer({ min: -100, max: 500_000 }),
  viewHeight: integer({ min: 0, max: 2_000 }),
  rowHeight: integer({ min: 1, max: 80 }),
  count: integer({ min: 0, max: 10_000 }),
})

test('every visible row exists, and few others', () => {
  check(
    property(place, (given) => {
      const { from, to } = virtualWindow(given)
      expect(from).toBeGreaterThanOrEqual(0)
      expect(to).toBeLessThanOrEqual(given.count)
      expect(to - from).toBeLessThanOrEqual(given.viewHeight / given.rowHeight + 18)
      const top = Math.max(0, given.scrollTop)
      for (const y of [top, top + given.viewHeight - 1]) {
        const row = Math.floor(y / given.rowHeight)
        if (y < top || row >= given.count) continue
        expect([row >= from, row < to]).toEqual([true, true])
      }
    }),
  )
})

test('a row is scrolled into view, and one in view stays where it is', () => {
  check(
    property(place, integer({ min: 0, max: 10_000 }), (given, row) => {
      const at = {
        ...given,
        scrollTop: Math.max(0, given.scrollTop),
        viewHeight: given.viewHeight + given.rowHeight,
      }
      const scrollTop = scrollTopFor(row, at)
      const [top, bottom] = [row * at.rowHeight, (row + 1) * at.rowHeight]
      expect([top >= scrollTop, bottom <= scrollTop + at.viewHeight]).toEqual([true, true])
      expect(scrollTopFor(row, { ...at, scrollTop })).toBe(scrollTop)
    }),
  )
})

test.each([
  ['ArrowDown', 0, 1],
  ['ArrowUp', 0, 0],
  ['PageDown', 95, 99],
  ['PageUp', 5, 0],
  ['Home', 50, 0],
  ['End', 50, 99],
  ['a', 50, undefined],
])('%s moves from row %d to %s', (key, row, next) => {
  expect(rowAfterKey(key, row, { count: 100, rowsPerPage: 10 })).toBe(next)
})

test('no key moves in an empty list', () => {
  expect(rowAfterKey('End', 0, { count: 0, rowsPerPage: 10 })).toBeUndefined()
})

test('a row is found again after others came and went', () => {
  const keyOf = (row: string): string => row
  expect(movedTo(1, ['a', 'b', 'c'], ['a', 'b', 'c'], keyOf)).toBe(1)
  expect(movedTo(1, ['a', 'b', 'c'], ['x', 'y', 'a', 'b'], keyOf)).toBe(3)
  expect(movedTo(2, ['a', 'b', 'c'], ['c'], keyOf)).toBe(0)
  expect(movedTo(1, ['a', 'b'], ['a'], keyOf)).toBeUndefined()
  expect(movedTo(-1, ['a'], ['a'], keyOf)).toBeUndefined()
})
