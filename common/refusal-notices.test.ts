import { expect, test } from 'vitest'
import { RefusalNotices } from './refusal-notices.ts'
import { FakeClock } from './testing/fake-clock.ts'

test('a host that is refused again and again is told of once a minute, and many hosts together are bounded', async () => {
  const clock = new FakeClock()
  const notices = new RefusalNotices({ clock })
  const told = (host: string, code = 'JOIN_REFUSED'): boolean => notices.isNews(host, code)
  expect([told('192.0.2.1'), told('192.0.2.1'), told('192.0.2.1', 'FORBIDDEN')]).toEqual([
    true,
    false,
    true,
  ])
  expect([notices.takeUntold(), notices.takeUntold()]).toEqual([1, 0])
  // Addresses of one network are one host.
  expect([told('2001:db8::1'), told('2001:db8::2')]).toEqual([true, false])
  const hosts = Array.from({ length: 1_000 }, (_, number) => `10.0.${number >> 8}.${number & 255}`)
  expect(hosts.filter((host) => told(host)).length).toBe(57)
  await clock.advance(61_000)
  expect([told('192.0.2.1'), told('192.0.2.1')]).toEqual([true, false])
})
