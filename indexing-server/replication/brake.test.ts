import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type BrakePeer,
  type LossState,
  lossDueMs,
  lossHold,
  nextLossState,
  noLoss,
  type StartFacts,
  startHold,
} from './brake.ts'

const options = { deadAfterMs: 60_000, startGraceMs: 3_000, brakeMs: 600_000 }

describe('after a start', () => {
  const facts: StartFacts = {
    startedMs: 0,
    knownCopies: 0,
    returnedCopies: 0,
    lastArrivalMs: undefined,
    isReceiving: false,
    hasForgotten: false,
  }
  const rows: readonly [string, Partial<StartFacts>, number, number | undefined][] = [
    ['no peer has registered', {}, 10_000, 60_000],
    ['a new peer has just registered', { lastArrivalMs: 9_000 }, 10_000, 12_000],
    ['new peers have stopped registering', { lastArrivalMs: 7_000 }, 10_000, undefined],
    ['an inventory is unfinished', { lastArrivalMs: 7_000, isReceiving: true }, 10_000, 60_000],
    ['the inventory was lost', { lastArrivalMs: 1_000, hasForgotten: true }, 10_000, 22_000],
    ['few copies are back', { knownCopies: 1_000, returnedCopies: 998 }, 10_000, 60_000],
    ['99.9 % are back', { knownCopies: 1_000, returnedCopies: 999 }, 0, undefined],
    ['time is over', { knownCopies: 9, isReceiving: true, hasForgotten: true }, 60_000, undefined],
  ]
  test.for(rows)('when %s', ([, given, nowMs, untilMs]) => {
    expect(startHold({ ...facts, ...given }, options, nowMs)?.untilMs).toBe(untilMs)
  })

  test('the reason says what is missing', () => {
    const reasonOf = (given: Partial<StartFacts>): string | undefined =>
      startHold({ ...facts, ...given }, options, 20_000)?.reason
    const start = 'the index has just started: peers have 40 s to reconnect'
    expect(reasonOf({})).toBe(start)
    expect(reasonOf({ hasForgotten: true, isReceiving: true })).toBe(
      `${start}; it lost its inventory`,
    )
    expect(reasonOf({ knownCopies: 9, returnedCopies: 3 })).toBe(
      `${start}; 33 % of the known copies are available`,
    )
  })
})

const live: BrakePeer = { state: 'live', isLost: false, isExcused: false, lastLiveMs: undefined }
const suspectSince = (lastLiveMs: number): BrakePeer => ({
  state: 'suspect',
  isLost: false,
  isExcused: false,
  lastLiveMs,
})
const excusedSince = (lastLiveMs: number): BrakePeer => ({
  ...lostSince(lastLiveMs),
  isExcused: true,
})
const lostSince = (lastLiveMs: number): BrakePeer => ({
  state: 'dead',
  isLost: true,
  isExcused: false,
  lastLiveMs,
})
const many = (count: number, peer: BrakePeer): BrakePeer[] =>
  Array.from({ length: count }, () => peer)

/** A state with the brake on since 60 s, for three of six peers. */
const braked = nextLossState(
  noLoss,
  [...many(3, live), lostSince(0), ...many(2, suspectSince(9))],
  options,
  60_000,
)

const rows: readonly [string, readonly BrakePeer[], boolean][] = [
  ['one of one', many(1, lostSince(1)), false],
  ['one of two', [live, lostSince(1)], false],
  ['one of three', [...many(2, live), lostSince(1)], false],
  ['two of three', [live, ...many(2, lostSince(1))], true],
  ['two of four', [...many(2, live), ...many(2, lostSince(1))], true],
  ['two of six', [...many(4, live), ...many(2, lostSince(1))], false],
  ['three of six', [...many(3, live), ...many(3, lostSince(1))], true],
  [
    'three of six, two still silent',
    [...many(3, live), lostSince(1), ...many(2, suspectSince(9))],
    true,
  ],
  ['three of six silent, none lost', [...many(3, live), ...many(3, suspectSince(1))], false],
  ['two of four, one drained', [...many(2, live), lostSince(1), excusedSince(1)], false],
  ['two of four, one long ago', [...many(2, live), lostSince(-70_000), lostSince(1)], false],
  [
    'two that never were live',
    [live, ...many(2, { ...lostSince(0), lastLiveMs: undefined })],
    false,
  ],
]
test.for(rows)('losing %s', ([, peers, isHeld]) => {
  expect(nextLossState(noLoss, peers, options, 60_000).held !== undefined).toBe(isHeld)
  expect(nextLossState(noLoss, peers, { ...options, brakeMs: 0 }, 60_000).held).toBeUndefined()
})

describe('the brake', () => {
  const step = (peers: readonly BrakePeer[], nowMs: number, from = braked): LossState =>
    nextLossState(from, peers, options, nowMs)

  test('says how many peers went away, and for how long it waits', () => {
    expect(lossHold(braked, options, 61_000)).toEqual({
      cause: 'peers-lost',
      sinceMs: 60_000,
      untilMs: 660_000,
      reason: '3 of 6 peers were lost together: they have at most 599 s to return',
    })
  })

  test('is released as soon as all are back', () => {
    expect(step(many(6, live), 70_000)).toEqual({ acceptedMs: 60_000, held: undefined })
  })

  test('is released after brakeMs, and not applied again for the same peers', () => {
    const gone = [...many(3, live), ...many(3, lostSince(9))]
    expect(step(gone, 659_999).held).toBeDefined()
    const released = step(gone, 660_000)
    expect(released.held).toBeUndefined()
    expect(step(gone, 660_001, released).held).toBeUndefined()
  })

  test('waits a little for the last ones when most are back', () => {
    const most = [...many(4, live), ...many(2, lostSince(9))]
    const waiting = step(most, 70_000)
    expect(lossDueMs(waiting, options)).toBe(90_000)
    const more = step([...many(5, live), lostSince(9)], 89_000, waiting)
    expect(more.held).toBeDefined()
    expect(step([...many(5, live), lostSince(9)], 109_000, more).held).toBeUndefined()
  })

  test('is applied again for peers that went away while it was on', () => {
    const all = [...many(2, live), ...many(2, lostSince(9)), ...many(2, lostSince(650_000))]
    const released = step(all, 660_000)
    expect(released.held).toBeUndefined()
    expect(step(all, 660_001, released).held).toMatchObject({ gone: 2, peers: 4 })
  })
})

const anyPeer: fc.Arbitrary<BrakePeer> = fc.oneof(
  fc.constant(live),
  fc.integer({ min: 0, max: 1_000_000 }).map(suspectSince),
  fc.integer({ min: 0, max: 1_000_000 }).map(lostSince),
)
const anyHistory = fc.array(
  fc.tuple(fc.array(anyPeer, { maxLength: 9 }), fc.integer({ min: 1, max: 90_000 })),
  { maxLength: 30 },
)

test('no hold outlasts brakeMs, and its end is never in the past', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      let [state, nowMs] = [noLoss, 0]
      for (const [peers, passedMs] of history) {
        nowMs += passedMs
        state = nextLossState(state, peers, options, nowMs)
        const hold = lossHold(state, options, nowMs)
        if (hold === undefined) continue
        expect(hold.untilMs).toBeGreaterThan(nowMs)
        expect(hold.untilMs - hold.sinceMs).toBeLessThanOrEqual(options.brakeMs)
      }
    }),
  )
})

test('the brake is applied only for two or more peers that are over a third, and one of them lost', () => {
  fc.assert(
    fc.property(fc.array(anyPeer, { maxLength: 9 }), fc.nat(1_100_000), (peers, nowMs) => {
      const gone = peers.filter(
        ({ state, lastLiveMs = 0 }) => state !== 'live' && lastLiveMs > nowMs - 120_000,
      )
      const all = gone.length + peers.filter(({ state }) => state === 'live').length
      const isMany = gone.length >= 2 && 3 * gone.length > all
      const isHeld = nextLossState(noLoss, peers, options, nowMs).held !== undefined
      expect(isHeld).toBe(isMany && gone.some(({ isLost }) => isLost))
    }),
  )
})

test('whatever happened, copying resumes once all peers are live', () => {
  fc.assert(
    fc.property(anyHistory, (history) => {
      let [state, nowMs] = [noLoss, 0]
      for (const [peers, passedMs] of history)
        state = nextLossState(state, peers, options, (nowMs += passedMs))
      expect(nextLossState(state, many(5, live), options, nowMs).held).toBeUndefined()
    }),
  )
})
