import { expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import type { ProofRecords } from '../store/proof-records.ts'
import { Unproven } from './unproven.ts'

const records: ProofRecords = {
  unproven: async () => [],
  addUnproven: async () => {},
  removeUnproven: async () => {},
  walk: async () => undefined,
  setWalk: async () => {},
}

test('what fails while its peer is distrusted is news: it still does not count when the peer is trusted again', async () => {
  const unproven = new Unproven({ records: () => records, clock: new FakeClock(), log: silentLog })
  const max = limits.unprovenPerPeerMax
  for (let number = 0; number < max; number += 1) await unproven.fail('p', `f${number}`, 'absent')
  expect(unproven.isDistrusted('p')).toBe(true)
  expect(await unproven.pass('p', 'f0')).toEqual({ isNew: true, isTrustNew: false })
  expect(unproven.has('p', 'other')).toBe(true)
  expect(await unproven.fail('p', 'other', 'wrong')).toEqual({ isNew: true, isTrustNew: false })
  expect(await unproven.fail('p', 'other', 'absent')).toEqual({ isNew: false, isTrustNew: false })
  // No more are recorded.
  expect(await unproven.fail('p', 'beyond', 'wrong')).toEqual({ isNew: false, isTrustNew: false })
  let number = 1
  while (unproven.isDistrusted('p')) await unproven.pass('p', `f${number++}`)
  expect([unproven.has('p', 'other'), unproven.has('p', 'beyond')]).toEqual([true, false])
})
