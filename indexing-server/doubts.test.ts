import { expect, test } from 'vitest'
import { limits } from '../common/limits.ts'
import { FakeClock } from '../common/testing/fake-clock.ts'
import { Doubts, doubtPauseMs, verifyAgainMs } from './doubts.ts'

const before = { epoch: 'e', seenSeq: 7 }
const copy = { peerId: 'a', sha256: 'x', accuserHost: 'host 1', before }

test('only a change after the accusation, or a new catalog, proves that a copy was read', () => {
  const doubts = new Doubts({ clock: new FakeClock() })
  expect(doubts.add(copy)).toBe(true)
  expect(doubts.add({ ...copy, accuserHost: 'host 2' })).toBe(false)
  expect([doubts.has('a', 'x'), doubts.has('a', 'y'), doubts.has('b', 'x')]).toEqual([
    true,
    false,
    false,
  ])
  // The inventory, repeated as it was.
  expect(doubts.onAnnounced('a', 'x', { epoch: 'e', seq: 7 })).toBe(false)
  expect(doubts.onAnnounced('b', 'x', { epoch: 'e', seq: 8 })).toBe(false)
  expect(doubts.has('a', 'x')).toBe(true)
  expect(doubts.onAnnounced('a', 'x', { epoch: 'e', seq: 8 })).toBe(true)
  expect(doubts.has('a', 'x')).toBe(false)

  doubts.add({ ...copy, sha256: 'y' })
  expect(doubts.onAnnounced('a', 'y', { epoch: 'other', seq: 1 })).toBe(true)
})

test('an accusation that was disproved is not taken up again for a while', async () => {
  const clock = new FakeClock()
  const doubts = new Doubts({ clock })
  doubts.add(copy)
  doubts.onAnnounced('a', 'x', { epoch: 'e', seq: 8 })
  await clock.advance(doubtPauseMs - 1)
  expect(doubts.add(copy)).toBe(false)
  await clock.advance(1)
  expect(doubts.add(copy)).toBe(true)
})

test('one host has a bounded number of copies in doubt, and others theirs', () => {
  const doubts = new Doubts({ clock: new FakeClock() })
  const accuse = (number: number, accuserHost = 'host 1'): boolean =>
    doubts.add({ ...copy, sha256: `${number}`, accuserHost })
  const taken = Array.from({ length: 2 * limits.doubtsPerHostMax }, (_, number) => accuse(number))
  expect(taken.filter(Boolean)).toHaveLength(limits.doubtsPerHostMax)
  expect(accuse(1_000, 'host 2')).toBe(true)
  doubts.onAnnounced('a', '0', { epoch: 'e', seq: 8 })
  doubts.forget('a', '1')
  expect([accuse(1_001), accuse(1_002), accuse(1_003)]).toEqual([true, true, false])
})

test('a peer that does not answer is asked again every two minutes', async () => {
  const clock = new FakeClock()
  const doubts = new Doubts({ clock })
  doubts.add(copy)
  expect(doubts.takeDue('a')).toEqual([])
  await clock.advance(verifyAgainMs)
  expect([doubts.takeDue('b'), doubts.takeDue('a'), doubts.takeDue('a')]).toEqual([[], ['x'], []])
  await clock.advance(verifyAgainMs)
  doubts.onAnnounced('a', 'x', { epoch: 'e', seq: 8 })
  expect(doubts.takeDue('a')).toEqual([])
})
