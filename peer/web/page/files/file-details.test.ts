import { expect, test } from 'vitest'
import type { CallReply } from '../../../api/calls.ts'
import { detailsOf, liveCopies } from './file-details.ts'

const sha256 = 'a'.repeat(64)
const why: CallReply<'why'> = {
  name: 'a.txt',
  contents: [
    {
      sha256,
      size: 3,
      factor: 2,
      wanted: true,
      copies: [
        { peerId: 'peer1', kind: 'shared', name: 'a.txt', state: 'live' },
        { peerId: 'peer1', kind: 'downloaded', name: 'a.txt', state: 'live' },
        { peerId: 'peer2', kind: 'replicated', name: 'a.txt', state: 'dead' },
        { peerId: 'peer4', kind: 'replicated', name: 'a.txt', state: 'live', damaged: true },
      ],
      missing: ['peer2 is dead'],
      surplus: '1 replica is beyond the factor',
    },
  ],
}
const source = (peerId: string, host: string, kind: 'shared' | 'partial') => ({
  peerId,
  host,
  port: 7100,
  kind,
})
const lookup: CallReply<'lookup'> = {
  name: 'a.txt',
  files: [
    {
      sha256,
      size: 3,
      chunkRoot: sha256,
      sources: [source('peer1', '::1', 'shared'), source('peer3', '10.0.0.3', 'partial')],
    },
  ],
}

test('holders have the addresses of their sources; partial sources come last', () => {
  const [content] = detailsOf(why, lookup, []).contents
  expect(content?.holders.map(({ peerId, kind, address }) => [peerId, kind, address])).toEqual([
    ['peer1', 'shared', '[::1]:7100'],
    ['peer1', 'downloaded', '[::1]:7100'],
    ['peer2', 'replicated', undefined],
    ['peer4', 'replicated', undefined],
    ['peer3', 'partial', '10.0.0.3:7100'],
  ])
  expect(content?.notes).toEqual(['1 replica is beyond the factor'])
})

test('a peer counts once, and neither dead nor damaged nor partial copies count', () => {
  const [content] = detailsOf(why, lookup, []).contents
  expect(content && liveCopies(content)).toBe(1)
})

test('the time is that of the current version', () => {
  const version = { owner: 'peer1', sha256, size: 3, chunkRoot: sha256, copies: 1 }
  const versions = [
    { ...version, modifiedMs: 5, state: 'replaced' as const },
    { ...version, modifiedMs: 7, state: 'current' as const },
  ]
  expect(detailsOf(why, lookup, versions).contents[0]?.modifiedMs).toBe(7)
})

test('a name without sources still has its copies', () => {
  expect(detailsOf(why, undefined, []).contents[0]?.holders).toHaveLength(4)
})
