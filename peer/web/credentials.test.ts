import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { challengeFor, credentialOf } from './credentials.ts'

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString('base64')}`
const token = { kind: 'token', token: 'abc:def' }

describe('the credential', () => {
  test.each([
    ['Bearer abc:def', undefined, token],
    ['bearer   abc:def ', undefined, token],
    [basic('me:abc:def'), undefined, token],
    [basic(':abc:def'), undefined, token],
    [basic('abc'), undefined, undefined],
    ['Bearer', undefined, undefined],
    ['Bearer a b', undefined, undefined],
    ['Digest abc', 'tandem-peer1=s', { kind: 'session', id: 's' }],
    [undefined, 'a=b; tandem-peer1=s', { kind: 'session', id: 's' }],
    [undefined, 'tandem-peer2=other; tandem-peer1=s; x', { kind: 'session', id: 's' }],
    [undefined, 'xtandem-peer1=s', undefined],
    [undefined, 'tandem-peer1=', undefined],
    [undefined, undefined, undefined],
  ])('of %j and %j is %j', (authorization, cookie, expected) => {
    expect(credentialOf({ authorization, cookie }, 'tandem-peer1')).toEqual(expected)
  })

  test('of any headers is found or not, without an error', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (authorization, cookie) => {
        const found = credentialOf({ authorization, cookie }, 'tandem-peer1')
        expect(found === undefined || found.kind === 'token' || found.id !== '').toBe(true)
      }),
    )
  })
})

test('a browser shows its own dialog only where no page can ask', () => {
  expect(challengeFor('/api/status', 'peer1')).toBe('Bearer realm="tandem peer1"')
  expect(challengeFor('/dav/a', 'peer1')).toMatch(/^Basic realm="tandem peer1", .*Bearer /)
})
