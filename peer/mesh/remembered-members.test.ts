import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import type { Member, MemberState } from './member.ts'
import { RememberedMembers } from './remembered-members.ts'

function member(host: string, state: MemberState = 'live', isMet = true): Member {
  const numbers = { generation: 1, version: 1, lastSeq: 0, freeBytes: 0, port: 7_100 }
  const record = { peerId: host, host, epoch: '0'.repeat(16), ...numbers }
  return { record, state, isMet, forGood: false, heardMs: 0, sinceMs: 0 }
}

test('live members that have answered are remembered, then those of before', async () => {
  await using folder = await temporaryFolder()
  const clock = new FakeClock()
  const remembered = new RememberedMembers(folder.path, { clock, log: silentLog })
  expect(await remembered.read()).toEqual([])
  let members: Member[] = []
  const ending = new AbortController()
  const following = remembered.follow(() => members, [{ host: 'early', port: 1 }], ending.signal)
  onTestFinished(async () => {
    ending.abort()
    await following.catch(() => {})
  })
  const hostsAfter = async (...now: Member[]): Promise<() => Promise<string[]>> => {
    members = now
    await clock.advance(30_000)
    return async () => (await remembered.read()).map(({ host }) => host)
  }
  const first = await hostsAfter(member('a'), member('b', 'suspect'), member('c', 'live', false))
  await expect.poll(first).toEqual(['a', 'early'])
  const second = await hostsAfter(member('d'))
  await expect.poll(second).toEqual(['d', 'a', 'early'])
  const crowd = Array.from({ length: 100 }, (_, index) => member(`m${index}`))
  const third = await hostsAfter(...crowd)
  await expect.poll(async () => (await third()).length).toBe(64)
  expect((await third())[0]).toBe('m0')
})
