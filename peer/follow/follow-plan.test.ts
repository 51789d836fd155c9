import { expect, test } from 'vitest'
import { decideFollow, type FollowCase } from './follow-plan.ts'

const nothing: FollowCase = {
  wanted: 'new',
  present: undefined,
  followed: undefined,
  isOwn: false,
  isSharedElsewhere: true,
}
const put = { held: 'old', coming: undefined }
const replacing = { held: 'old', coming: 'new' }
const fetching = { held: undefined, coming: 'new' }

test.each([
  ['a new file is fetched', {}, []],
  ['a file that this peer shares is not', { isOwn: true }, 'kept'],
  ['a file that its user put there stays', { present: 'mine' }, 'kept'],
  ['one that is what another peer shares counts', { present: 'new' }, 'held'],
  [
    'one that no other peer shares is its user’s',
    { present: 'new', isSharedElsewhere: false },
    'kept',
  ],
  ['a new version replaces the one put there', { present: 'old', followed: put }, ['old']],
  ['an edited file stays', { present: 'mine', followed: put }, 'kept'],
  ['a removed file stays so', { followed: put }, 'kept'],
  ['also while a new version comes', { followed: replacing }, 'kept'],
  ['a fetch that was cut short goes on', { followed: fetching }, []],
  ['and knows both versions', { present: 'old', followed: replacing }, ['old', 'new']],
  ['what is in place counts', { present: 'new', followed: fetching }, 'held'],
  [
    'one that was put there counts without a sharer',
    { present: 'old', wanted: 'old', followed: put, isSharedElsewhere: false },
    'held',
  ],
  [
    'a version that came before it was noted is replaced',
    { present: 'new', wanted: 'newer', followed: fetching },
    ['new'],
  ],
] as const)('%s', (_, given, expected) => {
  const decision = decideFollow({ ...nothing, ...given })
  expect(decision).toEqual(
    typeof expected === 'string'
      ? { what: expected }
      : { what: 'fetch', replacesOnly: [...expected] },
  )
})
