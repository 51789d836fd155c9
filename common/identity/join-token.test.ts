import { expect, test } from 'vitest'
import { seededRandom } from '../random.ts'
import { identityUri, type NamedIdentity, parseIdentityUri } from './cluster-role.ts'
import { formatJoinToken, newSecret, parseJoinToken } from './join-token.ts'

const token = {
  authority: 'ab'.repeat(32),
  secret: newSecret(seededRandom('secret')),
  address: { host: '::1', port: 7_000 },
}

test('a token is read as it was written', () => {
  const text = formatJoinToken(token)
  expect(text).toMatch(/^tandem-1-[0-9a-f]{64}-[0-9a-f]{32}@\[::1\]:7000$/)
  expect(parseJoinToken(` ${text}\n`)).toEqual(token)
  for (const cut of [text.slice(1), text.slice(0, -6), text.replace('@', ''), text.toUpperCase()])
    expect(parseJoinToken(cut)).toBeUndefined()
})

test('an identity is read as it was written, and nothing else', () => {
  const identity: NamedIdentity = {
    cluster: '0123456789abcdef',
    role: 'peer',
    id: 'peer1',
    generation: 3,
    isAuthority: true,
  }
  const uri = identityUri(identity)
  expect(parseIdentityUri(uri)).toEqual(identity)
  for (const bad of [`${uri}&`, uri.replace('peer1', 'a/b'), uri.replace('peer/', 'joiner/'), ''])
    expect(parseIdentityUri(bad)).toBeUndefined()
})
