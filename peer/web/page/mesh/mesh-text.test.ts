import { expect, test } from 'vitest'
import { answerersText, askerText, countsText } from './mesh-text.ts'

const counts = { live: 5, suspect: 0, gone: 0, behind: 0, notKept: 0, programs: 0 }

test('the members are counted, and what is missing is said', () => {
  expect(countsText({ ...counts, live: 1 })).toBe('1 live member')
  expect(countsText({ live: 5, suspect: 1, gone: 2, behind: 1, notKept: 3, programs: 1 })).toBe(
    '5 live members · 1 suspect · 2 gone · 1 program · catching up with 1 catalog · no room for 3 catalogs',
  )
})

const query = {
  id: '1-1',
  timeMs: 1,
  kind: 'mesh',
  what: 'a.txt',
  by: 'mesh',
  count: 1,
  durationMs: 1,
  at: 'peer1',
} as const

test.each([
  [{ addresses: ['10.0.0.1:7100', '10.0.0.2:7100'] }, '10.0.0.1:7100, 10.0.0.2:7100'],
  [{ error: 'NAME_NOT_FOUND' }, 'NAME_NOT_FOUND'],
  [{ found: 0 }, 'no peer'],
  [{ found: 3 }, 'this peer'],
])('%j was answered by %s', (answer, text) => {
  expect(answerersText({ ...query, ...answer })).toBe(text)
})

test('a query of another member names it', () => {
  const callers = { page: 'P', command: 'C', program: 'G', download: 'D', mesh: 'Mesh' }
  expect(askerText({ ...query, origin: 'peer2' }, callers)).toBe('peer2')
  expect(askerText({ ...query, origin: 'peer1' }, callers)).toBe('Mesh')
  expect(askerText({ ...query, by: 'page' }, callers)).toBe('P')
})
