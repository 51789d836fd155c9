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

test.for(rows)(
  'connected %s, gone %s, silent for %i ms',
  ([isConnected, gone, silentMs, expected]) => {
    expect(livenessOf({ isConnected, gone, silentMs }, options)).toEqual(expected)
  },
)
