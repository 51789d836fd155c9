import { describe, expect, test } from 'vitest'
import { atIndex, type IndexSigns, nextStandby, type StandbyState } from './standby-policy.ts'

const deadAfterMs = 60_000
const connected: Partial<IndexSigns> = { awayMs: 0, isTold: true }

/** Looks at these signs, of which `awayMs` is counted from the first second without a connection. */
class World {
  nowMs = 1_000
  state: StandbyState = atIndex
  #awayMs = 0

  /** Looks each second. */
  see(seconds: number, signs: Partial<IndexSigns> = {}): StandbyState {
    for (let second = 0; second < seconds; second++) {
      this.nowMs += 1_000
      this.#awayMs = signs.awayMs === 0 ? 0 : this.#awayMs + 1_000
      const none = { isRefused: false, isTold: false, othersReaching: 0, othersAway: 0 }
      const now = { nowMs: this.nowMs, awayMs: this.#awayMs }
      this.state = nextStandby(this.state, { ...none, ...now, ...signs }, { deadAfterMs })
    }
    return this.state
  }
}

describe('while the index is away', () => {
  test('the own index is asked after 5 s, and acts after as long as peers take to die', () => {
    const world = new World()
    expect(world.see(60, connected)).toEqual(atIndex)
    expect(world.see(4)).toMatchObject({ asks: 'index', isActing: false })
    expect(world.see(1)).toMatchObject({ asks: 'own', isActing: false })
    expect(world.see(55)).toMatchObject({ asks: 'own', isActing: false })
    expect(world.see(1)).toMatchObject({ asks: 'own', isActing: true })
  })

  test('a peer that alone is cut off does not act', () => {
    const world = new World()
    expect(world.see(600, { othersReaching: 1 })).toMatchObject({ asks: 'own', isActing: false })
    expect(world.see(60)).toMatchObject({ isActing: false })
    expect(world.see(1)).toMatchObject({ isActing: true })
    expect(world.see(1, { othersReaching: 1 })).toMatchObject({ asks: 'own', isActing: false })
    expect(world.see(60)).toMatchObject({ isActing: false })
  })

  test('an index that does not accept this peer is not away', () => {
    expect(new World().see(600, { isRefused: true })).toEqual(atIndex)
  })

  test('a mesh whose peers die quickly does not act before its own index is asked', () => {
    const quick = { deadAfterMs: 300 }
    const signs = { isRefused: false, isTold: false, othersReaching: 0, othersAway: 0 }
    const first = nextStandby(atIndex, { ...signs, nowMs: 0, awayMs: 1 }, quick)
    expect(nextStandby(first, { ...signs, nowMs: 4_900, awayMs: 4_901 }, quick)).toMatchObject({
      asks: 'index',
      isActing: false,
    })
  })
})

describe('when the index is back', () => {
  test('it is asked when it was told everything and all members reach it; the own stops to act now', () => {
    const world = new World()
    expect(world.see(100)).toMatchObject({ isActing: true })
    const back = { awayMs: 0, othersAway: 1, isTold: true }
    expect(world.see(1, back)).toMatchObject({ asks: 'own', isActing: false })
    expect(world.see(1, { ...back, othersAway: 0, isTold: false })).toMatchObject({ asks: 'own' })
    expect(world.see(1, { ...back, othersAway: 0 })).toEqual(atIndex)
  })

  test('members that stay away delay it for a few seconds only', () => {
    const world = new World()
    world.see(100)
    const back = { awayMs: 0, othersAway: 1, isTold: true }
    expect(world.see(5, back)).toMatchObject({ asks: 'own' })
    expect(world.see(1, back)).toEqual(atIndex)
    expect(world.see(100, back)).toEqual(atIndex)
  })

  test('one that disappears again is not asked', () => {
    const world = new World()
    world.see(100)
    expect(world.see(3, { awayMs: 0, othersAway: 1 })).toMatchObject({ asks: 'own' })
    expect(world.see(1)).toMatchObject({ asks: 'own', backSinceMs: undefined })
    expect(world.see(5, { awayMs: 0, othersAway: 1 })).toMatchObject({ asks: 'own' })
  })
})
