import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { Shell } from '../testing/shell.ts'

test('a token is created, listed and revoked', async () => {
  const shell = new Shell()
  shell.peer.secured.members = new Set()
  expect(await shell.type('token', 'list')).toBe(0)
  expect(shell.answers.text).toBe('No join tokens.\n')
  expect(await shell.type('token', 'create', '--for', '2h', '--uses', '1')).toBe(0)
  expect(shell.answers.text).toMatch(/^tandem peer --join tandem-1-a{64}-0{32}@index\.test:7000$/m)
  expect(shell.remarks.text).toBe('Valid for 2 h 00 min, for 1 use. It is not shown again.\n')
  const [token] = shell.peer.secured.tokens
  expect(token).toMatchObject({ role: 'peer', usesMax: 1, expiresMs: 7_201_000 })
  expect(await shell.json('token', 'list')).toEqual([token])
  expect(await shell.type('token', 'revoke', '00000000')).toBe(0)
  expect(shell.answers.text).toContain('The token 00000000 is revoked.')
  expect(await shell.type('token', 'list')).toBe(0)
  expect(shell.answers.text).toMatch(/^00000000 {2}peer {2}0 of 1 .* revoked$/m)
  expect(await shell.json('token', 'create', '--role', 'reader')).toMatchObject({
    role: 'reader',
    tokenId: '00000001',
  })
})

test('in a cluster that is not secured, the answer says what secures it', async () => {
  const shell = new Shell()
  expect(await shell.type('token', 'create')).toBe(1)
  expect(shell.remarks.text).toContain('NOT_IN_CLUSTER')
  expect(shell.remarks.text).toContain('`tandem cluster init` secures a cluster')
})

test.each([
  [['create', '--for', '0s'], 'must be a number with a unit'],
  [['create', '--for', '9999d'], 'Must be at most 3660d.'],
  [['create', '--uses', '0'], `Must be 1 to ${limits.membersPerTokenMax}.`],
  [['create', '--role', 'index'], 'Allowed choices are admin, peer, reader.'],
  [['revoke', 'tandem-1-00'], 'Must be 8 hexadecimal digits'],
])('token %j is wrong usage', async (words, complaint) => {
  const shell = new Shell()
  shell.peer.secured.members = new Set()
  expect(await shell.type('token', ...words)).toBe(2)
  expect(shell.remarks.text).toContain(complaint)
  expect(shell.peer.secured.tokens).toEqual([])
})
