import { expect, test } from 'vitest'
import { Attempts, attemptHostsMax } from './attempts.ts'
import { FakeClock } from './testing/fake-clock.ts'

const seconds = (ms: number): number => Math.round(ms / 1_000)

test('after ten wrong tokens a host may try every six seconds', async () => {
  const clock = new FakeClock()
  const attempts = new Attempts({ clock })
  for (let tried = 0; tried < 10; tried++) {
    expect(attempts.waitMs('10.0.0.1')).toBe(0)
    attempts.failed('10.0.0.1')
  }
  expect(seconds(attempts.waitMs('10.0.0.1'))).toBe(6)
  expect(attempts.waitMs('10.0.0.2')).toBe(0)
  await clock.advance(6_000)
  expect(attempts.waitMs('10.0.0.1')).toBe(0)
  attempts.failed('10.0.0.1')
  expect(seconds(attempts.waitMs('10.0.0.1'))).toBe(6)
  await clock.advance(60_000)
  for (let tried = 0; tried < 10; tried++) attempts.failed('10.0.0.1')
  expect(seconds(attempts.waitMs('10.0.0.1'))).toBe(6)
})

test('addresses of one IPv6 network are one host, and hosts are bounded', () => {
  const attempts = new Attempts({ clock: new FakeClock() })
  for (let tried = 0; tried < 10; tried++) attempts.failed(`2001:db8:1:2::${tried}`)
  expect(seconds(attempts.waitMs('2001:db8:1:2:ffff::1'))).toBe(6)
  for (let host = 0; host < 2 * attemptHostsMax; host++)
    attempts.failed(`10.${host >> 16}.${(host >> 8) & 255}.${host & 255}`)
  expect(attempts.hosts).toBe(attemptHostsMax)
})
