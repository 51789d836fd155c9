import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { Member, MemberState } from './member.ts'
import { RememberedMembers } from './remembered-members.ts'

function member(host: string, state: MemberState = 'live', isMet = true): Member {
  const numbers = { generation: 1, version: 1, lastSeq: 0, freeBytes: 0, port: 7_100 }
  const record = { peerId: host, host, epoch: '0'.repeat(16), ...numbers }
  return { record, state, isMet, isKnown: isMet, forGood: false, heardMs: 0, sinceMs: 0 }
}

test('live members that have answered are remembered, then those of before', async () => {
  await using folder = await temporaryFolder()
  const clock = new FakeClock()
  const remembered = new RememberedMembers(folder.path, { clock, log: silentLog })
  expect(await remembered.read()).toEqual([])
  let members: Member[] = []
  // A peer that is stopped soon finds its mesh again, too.
  let waitMs = 2_000
  const ending = new AbortController()
  const following = remembered.follow(() => members, [{ host: 'early', port: 1 }], ending.signal)
  onTestFinished(async () => {
    ending.abort()
    await following.catch(() => {})
  })
  const hosts = async (...now: Member[]): Promise<string[]> => {
    members = now
    await clock.advance(waitMs)
    waitMs = 10_000
    return (await remembered.read()).map(({ host }) => host)
  }
  const first = [member('a'), member('b', 'suspect'), member('c', 'live', false)]
  await expect.poll(() => hosts(...first)).toEqual(['a', 'early'])
  await expect.poll(() => hosts(member('d'))).toEqual(['d', 'a', 'early'])
  const crowd = Array.from({ length: 100 }, (_, index) => member(`m${index}`))
  await expect.poll(() => hosts(...crowd)).toHaveLength(64)
  expect(await hosts(...crowd)).toContain('m0')
})
