import { describe, expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

describe('replication', () => {
  test('sets, lists, explains and removes rules', async () => {
    const shell = new Shell()
    await shell.type('replication', 'list')
    expect(shell.answers.text).toBe('No rules: 2 copies of every file.\n')
    expect(await shell.type('replication', 'set', 'photos/**', '1')).toBe(0)
    expect(shell.answers.text).toContain("Files matching 'photos/**' will have 1 copy;")
    await shell.type('replication')
    expect(shell.answers.text).toMatch(/^photos\/\*\* +1 +1970-01-01 00:00$/m)
    expect(shell.answers.text).toContain('2 copies of every file that none matches.')
    await shell.type('replication', 'get', 'photos/a')
    expect(shell.answers.text).toContain("photos/a: 1 copy, by the rule 'photos/**'\n")
    await shell.type('replication', 'get', 'b')
    expect(shell.answers.text).toContain('b: 2 copies, no rule matches\n')
    await shell.type('replication', 'unset', 'photos/**')
    expect(shell.answers.text).toContain("The rule 'photos/**' was removed.\n")
    expect(await shell.type('replication', 'unset', 'photos/**')).toBe(1)
    expect(shell.remarks.text).toContain('RULE_NOT_FOUND')
  })

  test('warns if there are fewer peers than copies', async () => {
    const shell = new Shell()
    await shell.type('replication', 'set', 'a', '3')
    expect(shell.answers.text).toContain('There are only 2 peers to keep them')
    expect(await shell.json('replication', 'get', 'a')).toMatchObject({ factor: 3 })
    expect(await shell.json('replication', 'list')).toMatchObject({ byDefault: 2 })
  })

  test.each([
    ['set', 'a'],
    ['set', 'a', '0'],
    ['set', 'a', '17'],
    ['set', 'a', 'many'],
    ['get'],
    ['unset'],
    ['unset', 'a', '3'],
    ['list', 'a'],
    ['resume', 'a'],
  ])('%s %s %s is wrong usage', async (...words) => {
    expect(await new Shell().type('replication', ...words.filter(Boolean))).toBe(2)
  })
})
