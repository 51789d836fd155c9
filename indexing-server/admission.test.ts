import { expect, test } from 'vitest'
import { limits } from '../common/limits.ts'
import { Admission, quickTurnMs } from './admission.ts'
import { codeOf } from './testing/index-cluster.ts'

/** An admission whose time and turns are set by the test. */
function admission() {
  let nowMs = 0
  const ends: (() => void)[] = []
  const made = new Admission({
    clock: { monotonicMs: () => nowMs },
    onTurnEnd: (callback) => ends.push(callback),
  })
  return {
    made,
    pass: (ms: number) => (nowMs += ms),
    endTurn: () => ends.splice(0).map((end) => end()),
    isAdmitted: () => codeOf(Promise.resolve().then(() => made.admitQuick())),
  }
}

test('lookups are refused once a turn has spent its time on them, until the next turn', async () => {
  const { made, pass, endTurn, isAdmitted } = admission()
  expect(await isAdmitted()).toBe('ok')
  pass(quickTurnMs)
  expect(await isAdmitted()).toBe('ok')
  pass(1)
  expect([await isAdmitted(), await isAdmitted()]).toEqual(['OVERLOADED', 'OVERLOADED'])
  endTurn()
  expect(await isAdmitted()).toBe('ok')
  expect(made.refused).toBe(2)
})

test('a greedy connection leaves room for costly queries of others', async () => {
  const { made } = admission()
  const gate = Promise.withResolvers<void>()
  const [greedy, other] = [{}, {}]
  const ask = (connection: object) => codeOf(made.admitCostly(connection, () => gate.promise))
  const all = Array.from({ length: limits.costlyQueriesMax }, () => ask(greedy))
  const others = Array.from({ length: 10 }, () => ask(other))
  gate.resolve()
  const codes = await Promise.all(all)
  expect(codes.filter((code) => code === 'ok')).toHaveLength(limits.costlyQueriesMax / 2)
  expect(new Set(await Promise.all(others))).toEqual(new Set(['ok']))
  expect(await ask(greedy)).toBe('ok')
})

test('all connections together run a bounded number of costly queries', async () => {
  const { made } = admission()
  const gate = Promise.withResolvers<void>()
  const all = Array.from({ length: 2 * limits.costlyQueriesMax }, () =>
    codeOf(made.admitCostly({}, () => gate.promise)),
  )
  gate.resolve()
  const codes = await Promise.all(all)
  const admitted = codes.filter((code) => code === 'ok').length
  expect(admitted).toBe(limits.costlyQueriesMax - 1)
  expect(made.refused).toBe(limits.costlyQueriesMax + 1)
})
