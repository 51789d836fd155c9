import { expect, test } from 'vitest'
import { renewalDelayMs } from './renewer.ts'

const day = 24 * 3_600_000
const trust = {
  cluster: '0123456789abcdef',
  number: 1,
  authorities: [],
  issuer: 'a',
  revoked: [],
}

test.each([
  ['a new certificate', 0, 'a', 60 * day],
  ['one after two thirds of its time', 60 * day, 'a', 0],
  ['one that has expired', 100 * day, 'a', 0],
  ['one of an authority that is being replaced', 0, 'b', 0],
])('%s is renewed in time', (_, nowMs, issuer, delayMs) => {
  const validity = { fromMs: 0, toMs: 90 * day }
  expect(renewalDelayMs({ validity, issuer, trust }, nowMs)).toBe(delayMs)
})
