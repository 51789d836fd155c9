import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { type FaultName, faultNames, parseStrikes, planChaos } from './chaos-plan.ts'

const all = { isShort: false }
const none = new Set<FaultName>()

test('a plan has each fault once, and then pairs of different ones', () => {
  for (let seed = 0; seed < 100; seed++) {
    const plan = planChaos(all, none, seededRandom(`plan ${seed}`))
    const singles = plan.filter(({ length }) => length === 1).flat()
    expect(singles.toSorted(), `seed ${seed}`).toEqual(faultNames.toSorted())
    const pairs = plan.filter(({ length }) => length === 2)
    expect(pairs, `seed ${seed}`).toHaveLength(3)
    for (const pair of pairs) expect(new Set(pair).size, `seed ${seed}`).toBe(2)
  }
})

test('the same seed gives the same plan', () => {
  const [one, two] = ['a', 'b'].map((seed) => planChaos(all, none, seededRandom(seed)))
  expect(planChaos(all, none, seededRandom('a'))).toEqual(one)
  expect(two).not.toEqual(one)
})

test('impossible faults are left out, also of pairs and short plans', () => {
  const impossible = new Set<FaultName>(['cut-link', 'blip-link'])
  for (const isShort of [true, false]) {
    const plan = planChaos({ isShort }, impossible, seededRandom('s'))
    expect(plan.flat().filter((fault) => impossible.has(fault))).toEqual([])
    expect(plan.flat()).toContain('pause-peer')
  }
})

test('faults are typed alone or in pairs', () => {
  expect(parseStrikes(['kill-peer', 'cut-link+pause-peer'])).toEqual([
    ['kill-peer'],
    ['cut-link', 'pause-peer'],
  ])
  expect(() => parseStrikes(['joke'])).toThrow("'joke' is none of blip-peer")
})
