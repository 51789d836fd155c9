import { array, assert as check, dictionary, property, record, string } from 'fast-check'
import { expect, test } from 'vitest'
import { formatRoute, parseRoute } from './route.ts'

test.each([
  ['', { view: '', path: '', query: {} }],
  ['#/files', { view: 'files', path: '', query: {} }],
  ['#/files/photos/2026?q=a+b', { view: 'files', path: 'photos/2026', query: { q: 'a b' } }],
  ['#/files/100%/%D1%84', { view: 'files', path: '100%/ф', query: {} }],
])('%s', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route)
})

test('every route survives its address', () => {
  const segment = string({ minLength: 1, unit: 'grapheme' }).filter((text) => !text.includes('/'))
  const query = dictionary(string({ minLength: 1 }), string({ minLength: 1 }), {
    noNullPrototype: true,
  })
  check(
    property(
      record({ view: segment, segments: array(segment), query }),
      ({ view, segments, query }) => {
        const route = { view, path: segments.join('/'), query }
        expect(parseRoute(formatRoute(route))).toEqual(route)
      },
    ),
  )
})
