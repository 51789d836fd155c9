import { expect, test } from 'vitest'
import type { ProvenIdentity } from '../common/identity/cluster-role.ts'
import { accuserOf } from './accuser.ts'

const proven: ProvenIdentity = { role: 'peer', id: 'peer1', generation: 1, isAuthority: false }

test.each([
  ['192.0.2.1', undefined, '192.0.2.1'],
  ['2001:db8:1:2:3::4', undefined, '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::', undefined, '2001:db8:1:2::/64'],
  ['2001:db8:1:2:3::4', proven, 'peer1'],
])('an accuser at %s', (host, proven, expected) => {
  expect(accuserOf({ remote: { host, port: 1 }, proven })).toBe(expected)
})
