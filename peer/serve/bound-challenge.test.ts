import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { boundTo } from './bound-challenge.ts'

test('a challenge is bound to who asks, and to its nonce', () => {
  const challenge = { sha256: 'a'.repeat(64), chunk: 7, nonce: '01'.repeat(16) }
  const bound = boundTo('peer1', challenge)
  const digest = createHash('sha256').update(Buffer.alloc(16, 1)).update('peer1').digest('hex')
  expect(bound).toEqual({ ...challenge, nonce: digest.slice(0, 32) })
  expect(boundTo('peer2', challenge).nonce).not.toBe(bound.nonce)
  expect(boundTo('peer1', { ...challenge, nonce: '02'.repeat(16) }).nonce).not.toBe(bound.nonce)
})
