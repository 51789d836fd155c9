import { expect, test } from 'vitest'
import {
  answerText,
  filesText,
  latencyText,
  missingText,
  perSecondText,
  sourcesText,
  timesText,
} from './activity-text.ts'
import type { PastQuery } from './activity-types.ts'

test.each([
  [{ name: 'a/b.jpg', count: 1 }, 'a/b.jpg'],
  [{ count: 12, folder: 'photos' }, '12 files in photos/'],
  [{ count: 1200 }, '1,200 files'],
  [{ count: 1, sha256: 'ab'.repeat(32) }, 'content ababababab'],
])('files %o are %s', (files, text) => {
  expect(filesText(files)).toBe(text)
})

test('one source is its name, several say what each has sent', () => {
  expect(sourcesText([{ peerId: 'peer1', bytes: 5 }])).toBe('peer1')
  expect(
    sourcesText([
      { peerId: 'peer1', bytes: 12_000_000 },
      { peerId: 'peer3', bytes: 800 },
    ]),
  ).toBe('peer1 (12.0 MB), peer3 (800 B)')
})

test.each([
  [0.42, '0.4 ms'],
  [35.4, '35 ms'],
  [1_240, '1.2 s'],
  [185_000, '3 min 5 s'],
])('%d ms are %s', (ms, text) => {
  expect(latencyText(ms)).toBe(text)
})

test.each([
  [0, '0/s'],
  [0.21, '0.2/s'],
  [1200, '1,200/s'],
])('%d per second are %s', (rate, text) => {
  expect(perSecondText(rate)).toBe(text)
})

const query = { id: '1-1', timeMs: 1, what: 'a', by: 'page', count: 1, durationMs: 1, at: 'peer1' }
const sha256 = 'cd'.repeat(32)
const answers: readonly [Partial<PastQuery>, string][] = [
  [
    { sha256, addresses: ['10.0.0.1:7100', '10.0.0.2:7100'] },
    'cdcdcdcdcd at 10.0.0.1:7100, 10.0.0.2:7100',
  ],
  [{ sha256, addresses: [] }, 'cdcdcdcdcd, no live source'],
  [{ error: 'NOT_FOUND' }, 'NOT_FOUND'],
  [{ kind: 'search', found: 0 }, 'nothing found'],
  [{ kind: 'search', found: 1 }, '1 file'],
  [{ kind: 'browse', found: 3 }, '3 entries'],
  [{ kind: 'browse', found: 0 }, 'empty'],
]

test.each(answers)('the answer %o is %s', (answer, text) => {
  expect(answerText({ kind: 'lookup', ...query, by: 'page', ...answer })).toBe(text)
})

test('a query that stands for several, and peers that did not answer', () => {
  expect([timesText(1), timesText(1200)]).toEqual(['', ' × 1,200'])
  const missing = ['a', 'b', 'c', 'd', 'e'].map((peerId) => ({ peerId }))
  expect(missingText(missing.slice(0, 1))).toBe('a did not answer')
  expect(missingText(missing)).toBe('a, b, c and 2 more did not answer')
})
