import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { confirmMs, ReportedCopies } from './reported-copies.ts'

const holder = (peerId: string) => ({ peerId, kind: 'replicated' }) as const

test('a reported copy is awaited until it is announced', () => {
  const reported = new ReportedCopies({ clock: new FakeClock() })
  reported.add(1, 'peer2')
  reported.add(1, 'peer3')
  reported.add(2, 'peer2')
  expect(reported.peersOf(1)).toEqual(['peer2', 'peer3'])
  reported.onHolders({ contentId: 1, holders: [holder('peer1'), holder('peer2')] })
  expect(reported.peersOf(1)).toEqual(['peer3'])
  expect(reported.peersOf(2)).toEqual(['peer2'])
  reported.onHolders({ contentId: 1, holders: [holder('peer3')] })
  expect(reported.size).toBe(1)
})

test('a copy that is not announced is no longer awaited after a while', async () => {
  const clock = new FakeClock()
  const reported = new ReportedCopies({ clock })
  reported.add(1, 'peer2')
  await clock.advance(confirmMs - 1)
  expect(reported.peersOf(1)).toEqual(['peer2'])
  await clock.advance(1)
  expect(reported.peersOf(1)).toEqual([])
  expect(reported.size).toBe(0)
})

test('nothing is awaited of a content that needs nothing', () => {
  const reported = new ReportedCopies({ clock: new FakeClock() })
  reported.add(1, 'peer2')
  reported.forget(1)
  expect(reported.peersOf(1)).toEqual([])
})
