import { expect, test } from 'vitest'
import { NoRoom } from './no-room.ts'

const rooms = new Map([
  ['peer2', 200],
  ['peer3', 0],
])
const roomOf = (peerId: string): number => rooms.get(peerId) ?? 0

test('what fits on no peer is summed up, with the space to add', () => {
  const noRoom = new NoRoom()
  expect(noRoom.shortage(roomOf)).toBeUndefined()
  const peerIds = ['peer3', 'peer2']
  noRoom.set(1, { sizeBytes: 300, copies: 2, peerIds })
  noRoom.set(2, { sizeBytes: 500, copies: 1, peerIds: [...peerIds] })
  noRoom.set(2, { sizeBytes: 600, copies: 1, peerIds })
  const peers = [
    { peerId: 'peer2', roomBytes: 200 },
    { peerId: 'peer3', roomBytes: 0 },
  ]
  expect(noRoom.shortage(roomOf)).toEqual({ contents: 2, bytes: 1_200, addBytes: 1_000, peers })
  noRoom.delete(1)
  noRoom.delete(2)
  noRoom.delete(2)
  expect(noRoom.shortage(roomOf)).toBeUndefined()
})

test('room in pieces that are too small counts as missing for the largest content', () => {
  const noRoom = new NoRoom()
  noRoom.set(1, { sizeBytes: 300, copies: 1, peerIds: ['a', 'b'] })
  expect(noRoom.shortage(() => 250)).toMatchObject({ bytes: 300, addBytes: 50 })
})

test('contents are tried again once the smallest of them may fit', () => {
  const noRoom = new NoRoom()
  noRoom.set(1, { sizeBytes: 300, copies: 1, peerIds: ['peer2'] })
  noRoom.set(2, { sizeBytes: 201, copies: 1, peerIds: ['peer2'] })
  expect(noRoom.mayFit(roomOf)).toBe(false)
  expect(noRoom.mayFit(() => 201)).toBe(true)
  noRoom.onRetry()
  expect(noRoom.mayFit(() => 1e9)).toBe(false)
  noRoom.set(1, { sizeBytes: 300, copies: 1, peerIds: ['peer2'] })
  expect(noRoom.mayFit(() => 250)).toBe(false)
})
