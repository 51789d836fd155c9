import { expect, test } from 'vitest'
import type { Status } from '../api/status-shapes.ts'
import { placeLines } from './place-report.ts'

const plain = (_: string, text: string): string => text

function linesOf(fields: Partial<Status>, capacity?: Status['peer']['capacity']): string[] {
  const peer = { peerId: 'peer1', ...(capacity && { capacity }) }
  return placeLines({ ...fields, peer } as Status, plain)
}

test('what fits on no peer is said with the space to add', () => {
  const noRoom = {
    contents: 3,
    bytes: 1_200_000_000,
    addBytes: 1_000_000_000,
    peers: [
      { peerId: 'peer2', roomBytes: 200_000_000 },
      { peerId: 'peer3', roomBytes: 0 },
    ],
    peersInAll: 4,
  }
  expect(linesOf({ noRoom })).toEqual([
    'No room:   3 files (1.20 GB) fit on no peer: peer2 has 200.00 MB, peer3 is full, 2 other peers with no more; add 1.00 GB',
  ])
})

test('moves, a rebalance that waits, and the capacity of the peer', () => {
  const rebalance = {
    state: 'waiting',
    cause: 'automatic',
    waitsFor: 'missing copies are made first',
    movedContents: 1,
    movedBytes: 10,
    leftBytes: 20,
  } as const
  const capacity = { bytes: 5_000, usedBytes: 40 }
  expect(linesOf({ moving: { zone: 2, balance: 1 }, rebalance }, capacity)).toEqual([
    'Moving:    2 files to other zones, 1 file to less full peers',
    'Rebalance: 1 file (10 B) moved, 20 B left, started automatically; it waits: missing copies are made first',
    'Capacity:  peer1 offers 5.00 KB to the cluster, of which 40 B are used',
  ])
  expect(linesOf({})).toEqual([])
})
