import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const text = readFileSync(new URL('../docs/security.md', import.meta.url), 'utf8')
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
