import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hostKeyOf, mayHold } from './host-share.ts'

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['peer.example.org', 'peer.example.org'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::9', '2001:db8:1:2::/64'],
  ['2001:0db8:0001:0002::9', '2001:db8:1:2::/64'],
  ['2001:db8::9', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1:2:3:4%eth0', 'fe80:0:0:0::/64'],
])('the host of %s is %s', (host, key) => {
  expect(hostKeyOf(host)).toBe(key)
})

test('a single host gets half, and there is always room for another', () => {
  const bytesMax = 20_000
  const hosts = fc.integer({ min: 1, max: 200 })
  fc.assert(
    fc.property(
      hosts,
      fc.array(fc.nat()),
      fc.integer({ min: 1, max: 100 }),
      (count, picks, bytes) => {
        const held = Array.from({ length: count }, () => 0)
        let usedBytes = 0
        const take = (host: number): boolean => {
          const hostBytes = held[host] ?? 0
          if (!mayHold(bytes, { bytesMax, usedBytes, hostBytes })) return false
          held[host] = hostBytes + bytes
          usedBytes += bytes
          return true
        }
        for (const pick of picks) take(pick % count)
        // Each takes as much as it may.
        for (let isAnyTaking = true; isAnyTaking; ) {
          isAnyTaking = false
          for (let host = 0; host < count; host += 1) isAnyTaking = take(host) || isAnyTaking
        }
        expect(usedBytes).toBeLessThanOrEqual(bytesMax)
        const free = bytesMax - usedBytes
        expect(free).toBeGreaterThanOrEqual(bytesMax / (count + 1) - bytes)
        for (const bytesOfOne of held) expect(bytesOfOne).toBeGreaterThanOrEqual(free - 2 * bytes)
      },
    ),
    { numRuns: 30 },
  )
})
