import { expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

test('follow adds, changes and lists patterns, unfollow removes them', async () => {
  const shell = new Shell()
  expect(await shell.type('follow')).toBe(0)
  expect(await shell.type('follow', 'photos/', '--newest', '100')).toBe(0)
  expect(await shell.type('follow', 'photos')).toBe(0)
  expect(await shell.type('unfollow', 'photos')).toBe(0)
  expect(shell.answers.text).toBe(
    [
      "Nothing is followed. `follow 'photos/**'` follows a pattern.",
      "Following the newest 100 files of 'photos'; `follow` shows how far it is.",
      "Following 'photos'; `follow` shows how far it is.",
      "No longer following 'photos'; its files stay.",
      '',
    ].join('\n'),
  )
  expect(await shell.json('follow')).toEqual({ followed: [] })
})

test('follow shows how far each pattern is, and why a file failed', async () => {
  const shell = new Shell()
  const counts = { addedMs: 1, files: 7, held: 3, waiting: 2, kept: 1, failed: 1 }
  const error = { code: 'NO_SOURCE', message: 'No\u001b peer', retryable: true, details: {} }
  shell.peer.following.rules.push(
    { pattern: 'a/**', newest: 5, isListed: true, ...counts, error },
    { pattern: 'b', isListed: false, ...counts, failed: 0 },
  )
  await shell.type('follow')
  const rows = shell.answers.text.trimEnd().split('\n')
  expect(rows.map((row) => row.trim().split(/ {2,}/))).toEqual([
    ['PATTERN', 'NEWEST', 'FILES', 'HELD', 'WAITING', 'KEPT', 'FAILED', 'REASON'],
    ['a/**', '5', '7', '3', '2', '1', '1', expect.stringMatching(/^No.+peer$/)],
    ['b', 'all', '7…', '3', '2', '1', '0'],
  ])
})

test.each([
  [['follow', '--newest', '3'], "'--newest' needs a pattern"],
  [['follow', 'a', '--newest', '0'], 'Must be a number from 1 to 10000'],
  [['unfollow'], 'missing required argument'],
])('%j is wrong usage', async (words, complaint) => {
  const shell = new Shell()
  expect(await shell.type(...words)).toBe(2)
  expect(shell.remarks.text).toContain(complaint)
})
