import { expect, test } from 'vitest'
import { commandLines, fileUrl, wantsToken } from './file-links.ts'

const sha256 = 'a'.repeat(64)
const local = { origin: 'http://127.0.0.1:8100', name: 'photos/a b.jpg', sha256 }
const textsOf = (address: typeof local): string[] => commandLines(address).map(({ text }) => text)

test('an address has the hash and the last part of the name', () => {
  expect(fileUrl(local)).toBe(`http://127.0.0.1:8100/files/${sha256}/a%20b.jpg`)
})

test('command lines are quoted for the shell', () => {
  expect(textsOf(local)).toEqual([
    `curl -C - -o 'a b.jpg' http://127.0.0.1:8100/files/${sha256}/a%20b.jpg`,
    `aria2c --follow-metalink=mem http://127.0.0.1:8100/files/${sha256}/a%20b.jpg.meta4`,
  ])
  const hostile = textsOf({ ...local, name: "-o/$(rm) it's" })
  expect(hostile[0]).toContain(String.raw`-o '$(rm) it'\''s' 'http://127.0.0.1`)
  expect(textsOf({ ...local, name: '-x' })[0]).toContain('-o ./-x ')
})

test('for a peer that others can reach they carry the token', () => {
  for (const text of textsOf({ ...local, origin: 'http://10.0.0.5:8100' }))
    expect(text).toContain('"Authorization: Bearer $TOKEN"')
})

test.each([
  ['https://127.0.0.1:8100', true],
  ['http://localhost:8100', false],
  ['http://[::1]:8100', false],
  ['http://127.0.0.2', false],
  ['http://127.evil.org', true],
  ['http://10.0.0.1:8100', true],
])('a peer at %s wants its token: %s', (origin, expected) => {
  expect(wantsToken(origin)).toBe(expected)
})
