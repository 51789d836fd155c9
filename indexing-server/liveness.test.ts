import { expect, test } from 'vitest'
import { type Liveness, livenessOf, type Presence } from './liveness.ts'

const options = { heartbeatMs: 10, deadAfterMs: 60 }
const live: Liveness = { state: 'live', isLost: false }
const suspect: Liveness = { state: 'suspect', isLost: false }
const dead: Liveness = { state: 'dead', isLost: true }
const leaving: Liveness = { state: 'dead', isLost: false }

const rows: readonly [Presence['isConnected'], Presence['gone'], number, Liveness][] = [
  [true, undefined, 0, live],
  [true, undefined, 19, live],
  [true, undefined, 20, suspect],
  [true, undefined, 60, dead],
  [false, undefined, 0, suspect],
  [false, undefined, 59, suspect],
  [false, undefined, 60, dead],
  [false, 'dead', 0, dead],
  [false, 'left', 0, leaving],
  [true, 'left', 59, leaving],
  [false, 'left', 60, dead],
]

const reached = { isReached: true, unreachableMs: undefined, isInMaintenance: false }

test.for(rows)(
  'connected %s, gone %s, silent for %i ms',
  ([isConnected, gone, silentMs, expected]) => {
    expect(livenessOf({ isConnected, gone, silentMs, ...reached }, options)).toEqual(expected)
  },
)

test('an unreachable peer is not a source, and its copies are made elsewhere after a while', () => {
  const present = {
    isConnected: true,
    gone: undefined,
    silentMs: 0,
    isReached: false,
    isInMaintenance: false,
  }
  const of = (unreachableMs: number | undefined): Liveness =>
    livenessOf({ ...present, unreachableMs }, options)
  expect(of(undefined)).toEqual(suspect)
  expect(of(0)).toEqual({ state: 'unreachable', isLost: false })
  expect(of(60)).toEqual({ state: 'unreachable', isLost: true })
  expect(of(Number.POSITIVE_INFINITY)).toEqual({ state: 'unreachable', isLost: true })
  expect(livenessOf({ ...present, silentMs: 60, unreachableMs: 0 }, options)).toEqual(dead)
})

const maintainedRows: readonly [Presence['isConnected'], Presence['gone'], number, Liveness][] = [
  [true, undefined, 0, live],
  [false, undefined, 1_000, suspect],
  [true, undefined, 1_000, suspect],
  [false, 'left', 0, suspect],
  [false, 'left', 1_000, suspect],
  [false, 'dead', 0, dead],
]

test.for(maintainedRows)(
  'in maintenance: connected %s, gone %s, silent for %i ms',
  ([isConnected, gone, silentMs, expected]) => {
    const presence = { isConnected, gone, silentMs, ...reached, isInMaintenance: true }
    expect(livenessOf(presence, options)).toEqual(expected)
    const unreachable = { ...presence, isReached: false, unreachableMs: 1_000 }
    expect(livenessOf(unreachable, options).isLost).toBe(expected.isLost)
  },
)
