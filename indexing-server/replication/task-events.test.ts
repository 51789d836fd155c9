import { expect, test } from 'vitest'
import { copyCause } from './task-events.ts'

const states = {
  live: { state: 'live', isLost: false },
  suspect: { state: 'suspect', isLost: false },
  dead1: { state: 'dead', isLost: true },
  dead2: { state: 'dead', isLost: true },
  dead3: { state: 'dead', isLost: true },
  unreachable: { state: 'unreachable', isLost: true },
} as const

test.each([
  [['live'], 'copied', undefined],
  [['live', 'suspect'], 'copied', undefined],
  [['live', 'dead1'], 'healed', 'dead1 is dead'],
  [['live', 'dead2', 'dead1', 'dead1'], 'healed', 'dead1 and dead2 are dead'],
  [['dead1', 'dead2', 'dead3', 'forgotten'], 'healed', 'dead1, dead2 and 2 more are dead'],
  [['live', 'unreachable'], 'healed', 'unreachable is unreachable'],
  [['live', 'suspect!'], 'healed', 'the copy of suspect is damaged or in doubt'],
])('a copy of what %j hold is %s: %s', (ids, kind, reason) => {
  const holders = ids.map((id) => ({
    peerId: id.replace('!', ''),
    kind: 'shared' as const,
    ...(id.endsWith('!') && { isDoubted: true as const }),
  }))
  const peerOf = (peerId: string) => states[peerId as keyof typeof states]
  const { kind: found, reason: why } = copyCause({ holders, size: 1 }, peerOf)
  expect([found, why]).toEqual([kind, reason])
})
