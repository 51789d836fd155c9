import { expect, test } from 'vitest'
import { seededRandom } from '../random.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { silentLog } from '../testing/silent-log.ts'
import { TestCluster } from '../testing/test-cluster.ts'
import { keepRenewed, renewalDelayMs } from './renewer.ts'

const hour = 3_600_000
const day = 24 * hour
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

/** Keeps a member renewed; counts how often it asks. @param aheadMs its clock before the authority's */
async function renewing(aheadMs: number) {
  const start = Date.UTC(2026, 0, 1)
  const clock = new FakeClock(start)
  const cluster = await TestCluster.create({ clock })
  const member = await cluster.member('peer1')
  const stop = new AbortController()
  const memberClock = new FakeClock(start + aheadMs)
  const asked: number[] = []
  const running = keepRenewed(
    member,
    async (request) => {
      asked.push(memberClock.elapsedMs)
      return await cluster.authority.renew(member.self, { request, names: [] })
    },
    {
      clock: memberClock,
      random: seededRandom('renewing'),
      log: silentLog,
      signal: stop.signal,
    },
  )
  return {
    member,
    asked,
    advance: async (ms: number) => {
      await clock.advance(ms)
      await memberClock.advance(ms)
    },
    async [Symbol.asyncDispose]() {
      stop.abort()
      await running
      await cluster[Symbol.asyncDispose]()
    },
  }
}

test('a member renews its certificate after two thirds of its time, by itself', async () => {
  await using renewed = await renewing(0)
  const { member, asked, advance } = renewed
  const { toMs } = member.validity
  await advance(59 * day)
  expect(asked).toEqual([])
  await advance(2 * day)
  await expect.poll(() => member.validity.toMs).toBeGreaterThan(toMs + 59 * day)
  await advance(hour)
  expect(asked).toHaveLength(1)
})

test('a member whose clock is months ahead does not ask again and again', async () => {
  await using renewed = await renewing(70 * day)
  await expect.poll(() => renewed.asked.length).toBe(1)
  await renewed.member.written()
  for (let minutes = 0; minutes < 60; minutes++) await renewed.advance(60_000)
  expect(renewed.asked.length).toBeLessThan(12)
})
