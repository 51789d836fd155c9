import { expect, test } from 'vitest'
import { hostProblem, isWildcard, normalHost, reachedHostProblem } from './hosts.ts'

test('names and addresses are hosts', () => {
  for (const host of [
    'localhost',
    'peer-1.lan',
    'a_b',
    '10.0.0.7',
    '::1',
    'fe80::1%eth0',
    'büro.example.',
  ])
    expect([host, reachedHostProblem(host)]).toEqual([host, undefined])
  expect(normalHost('[2001:db8::1]')).toBe('2001:db8::1')
  expect(normalHost('[fe80::1%eth0]')).toBe('fe80::1%eth0')
  expect(normalHost('[name]')).toBe('[name]')
})

test('anything else is refused with its kind', () => {
  const rows = [
    ['', /empty/],
    ['*', /0\.0\.0\.0/],
    ['http://x', /URL/],
    ['http://x:80/', /URL/],
    ['a b', /not 'a b'/],
    ['host:7100', /without a port/],
    ['[::1]:7100', /without a port/],
    ['[name]', /not '\[name\]'/],
    ['300.1.1.1', /not '300/],
    ['-a', /not/],
    ['a..b', /not/],
    ['a/b', /not/],
    ['x'.repeat(64), /not/],
  ] as const
  for (const [host, reason] of rows) expect(hostProblem(normalHost(host))).toMatch(reason)
})

test('all addresses of a machine are none that others can reach', () => {
  for (const host of ['0.0.0.0', '::', '[::]'].map(normalHost)) {
    expect(hostProblem(host)).toBeUndefined()
    expect(isWildcard(host)).toBe(true)
    expect(reachedHostProblem(host)).toMatch(/can reach/)
  }
})
