import { expect, test } from 'vitest'
import { codeOf } from './testing/index-cluster.ts'
import { ownersToUnshare } from './unsharing.ts'

const nothing = { owners: [], unsharedBy: [], isListedByDownloads: false }
const both = { ...nothing, owners: ['me', 'other'] }
const others = { ...nothing, owners: ['other', 'third'] }
const downloads = { ...nothing, isListedByDownloads: true }
const dead = (): 'dead' => 'dead'

test.each([
  ['its own file', {}, both, ['me']],
  ['its own file that is not announced yet', { owner: 'me' }, nothing, ['me']],
  ['its own of several, also by force', { force: true }, both, ['me']],
  ['those of all others by force', { force: true }, others, ['other', 'third']],
  ['that of one other by force', { force: true, owner: 'third' }, others, ['third']],
  ['a name that only downloads have by force', { force: true }, downloads, ['me']],
])('a peer may unshare %s', (_, request, known, owners) => {
  expect(ownersToUnshare('me', { name: 'a', ...request }, known, dead)).toEqual(owners)
})

test.each([
  ['NOT_OWNER', {}, others],
  ['NOT_OWNER', { owner: 'other' }, both],
  ['NOT_OWNER', {}, downloads],
  ['NOT_SHARED', {}, nothing],
  ['NOT_SHARED', { force: true }, nothing],
  ['NOT_SHARED', { force: true, owner: 'stranger' }, both],
])('a peer is answered %s', async (code, request, known) => {
  const asking = async (): Promise<unknown> =>
    ownersToUnshare('me', { name: 'a', ...request }, known, dead)
  expect(await codeOf(asking())).toBe(code)
})
