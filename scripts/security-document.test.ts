import { existsSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const at = (path: string): URL => new URL(`../${path}`, import.meta.url)
const text = readFileSync(at('docs/security.md'), 'utf8')
const testPath = /`([\w./-]+\.test\.ts)`/g

/** The rows of the tables that name tests. */
const claims = text
  .split('\n\n')
  .filter((block) => block.startsWith('| cannot |'))
  .flatMap((table) => table.split('\n').slice(2))

test('each line of the threat model names the tests that show it', () => {
  expect(claims.length).toBeGreaterThan(20)
  expect(claims.filter((claim) => claim.match(testPath) === null)).toEqual([])
})

test('the tests that the threat model names exist', () => {
  const paths = [...text.matchAll(testPath)].map(([, path = '']) => path)
  expect(paths.filter((path) => !existsSync(at(path)))).toEqual([])
})
