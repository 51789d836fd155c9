import { expect, test } from 'vitest'
import type { PeerState } from '../common/protocol/messages.ts'
import { foundContent, lastingCopies, liveCopies, rankContents, rankSources } from './rank.ts'
import type { Holder, NamedContent } from './store/store.ts'

const states: Readonly<Record<string, PeerState>> = {
  a: 'live',
  b: 'suspect',
  c: 'live',
  d: 'dead',
  left: 'dead',
}
let accused = ''
let draining = ''
const peerOf = (peerId: string) => {
  const state = states[peerId]
  return state === undefined
    ? undefined
    : {
        host: `host-${peerId}`,
        port: 1,
        state,
        isLost: peerId === 'd',
        isAccused: peerId === accused,
        isDraining: peerId === draining,
      }
}

function named(contentId: number, modifiedMs: number, holders: readonly Holder[]): NamedContent {
  const sha256 = contentId.toString(16).padStart(64, '0')
  return {
    contentId,
    sha256,
    size: 1,
    chunkRoot: sha256,
    file: undefined,
    factor: 2,
    isTrashed: false,
    owners: [],
    modifiedMs,
    holders,
  }
}

function current(contentId: number, modifiedMs: number, holders: readonly Holder[]): NamedContent {
  return { ...named(contentId, modifiedMs, holders), file: { owner: 'a', name: 'f' } }
}

test('sources: live before suspect, owners before others, the dead and unknown not at all', () => {
  const holders: Holder[] = [
    { peerId: 'b', kind: 'shared' },
    { peerId: 'c', kind: 'downloaded' },
    { peerId: 'd', kind: 'shared' },
    { peerId: 'a', kind: 'replicated' },
    { peerId: 'a', kind: 'downloaded' },
    { peerId: 'x', kind: 'shared' },
  ]
  expect(rankSources(holders, peerOf)).toEqual([
    { peerId: 'a', host: 'host-a', port: 1, kind: 'replicated' },
    { peerId: 'c', host: 'host-c', port: 1, kind: 'downloaded' },
    { peerId: 'b', host: 'host-b', port: 1, kind: 'shared' },
  ])
  expect(rankSources(holders, peerOf, 1)).toHaveLength(1)
  expect(liveCopies(holders, peerOf)).toBe(2)
})

test('copies on draining peers do not last', () => {
  const holders: Holder[] = ['a', 'b', 'c'].map((peerId) => ({ peerId, kind: 'shared' }))
  expect(lastingCopies(holders, peerOf)).toBe(liveCopies(holders, peerOf))
  draining = 'a'
  expect(lastingCopies(holders, peerOf)).toBe(liveCopies(holders, peerOf) - 1)
  draining = ''
})

test('sources: one that was accused comes last', () => {
  const holders: Holder[] = ['a', 'b', 'c'].map((peerId) => ({ peerId, kind: 'shared' }))
  accused = 'a'
  expect(rankSources(holders, peerOf).map(({ peerId }) => peerId)).toEqual(['c', 'b', 'a'])
  accused = ''
  expect(rankSources(holders, peerOf).map(({ peerId }) => peerId)).toEqual(['a', 'c', 'b'])
})

test('contents: most live copies first, then the newest, then by hash', () => {
  const both: Holder[] = [
    { peerId: 'a', kind: 'shared' },
    { peerId: 'c', kind: 'shared' },
  ]
  const one: Holder[] = [
    { peerId: 'a', kind: 'shared' },
    { peerId: 'b', kind: 'shared' },
    { peerId: 'd', kind: 'shared' },
  ]
  const contents = [current(1, 5, one), current(2, 9, one), current(3, 0, both), current(4, 9, one)]
  expect(rankContents(contents, peerOf).map(({ contentId }) => contentId)).toEqual([3, 2, 4, 1])
})

test('an old version with more copies, all downloaded, comes after the current one', () => {
  const downloaded = ['a', 'b', 'c'].map((peerId) => ({ peerId, kind: 'downloaded' as const }))
  const old = named(1, 5, downloaded)
  const edited = current(2, 9, [{ peerId: 'a', kind: 'shared' }])
  const first = rankContents([old, edited], peerOf)[0]
  expect(first?.contentId).toBe(2)
  const unreachable = current(2, 9, [{ peerId: 'd', kind: 'shared' }])
  expect(rankContents([old, unreachable], peerOf)[0]?.contentId).toBe(1)
})

test.each([
  ['suspect', 'b'],
  ['restarting', 'left'],
])('a current version on a %s peer comes before kept ones on live peers', (_, peerId) => {
  const edited = current(3, 9, [{ peerId, kind: 'shared' }])
  const before = named(2, 8, [{ peerId: 'a', kind: 'replicated' }])
  // For example an empty file: many others have the same content.
  const first = named(
    1,
    7,
    ['a', 'c'].map((peerId) => ({ peerId, kind: 'shared' })),
  )
  const ids = (...all: NamedContent[]) =>
    rankContents(all, peerOf).map(({ contentId }) => contentId)
  expect(ids(first, before, edited)).toEqual([3, 2, 1])
  const doubted = current(3, 9, [{ peerId, kind: 'shared', isDoubted: true }])
  expect(ids(first, before, doubted)).toEqual([2, 1, 3])
})

test('a found content has only the fields of the wire', () => {
  const content = named(1, 5, [])
  const { sha256, size, chunkRoot, modifiedMs } = content
  expect(foundContent(content, peerOf)).toEqual({
    sha256,
    size,
    chunkRoot,
    modifiedMs,
    sources: [],
  })
})
