import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { limits } from '../../common/limits.ts'
import { seededRandom } from '../../common/random.ts'
import { openDatabase } from '../../common/sqlite.ts'
import type { IntentRecord } from './intent-kinds.ts'
import { readRecord } from './intent-kinds.ts'
import { IntentLog } from './intent-log.ts'
import { migrations } from './migrations.ts'

function aLog(): IntentLog {
  return new IntentLog(openDatabase(':memory:', { migrations }), seededRandom('intent'))
}

/** What two indexes could have decided on a few keys, some within the same millisecond. */
const records: fc.Arbitrary<IntentRecord[]> = fc.array(
  fc
    .record({
      key: fc.constantFrom('a', 'b'),
      factor: fc.option(fc.integer({ min: 1, max: 3 })),
      changedMs: fc.integer({ min: 0, max: 3 }),
    })
    .map(({ factor, ...record }) => ({
      kind: 'replication' as const,
      value: factor === null ? null : { factor },
      ...record,
    })),
)

function merged(...parts: readonly IntentRecord[][]): unknown {
  const log = aLog()
  for (const part of parts) for (const record of part) log.merge(record)
  return log
    .since(0, 10)
    .map(({ key, value, changedMs }) => ({ key, value, changedMs }))
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
}

describe('merging', () => {
  test('the order of the records does not matter, nor how often each one arrives', () => {
    fc.assert(
      fc.property(records, records, (left, right) => {
        const once = merged(left, right)
        expect(merged(right, left)).toEqual(once)
        expect(merged(right.toReversed(), left, right, left.toReversed())).toEqual(once)
      }),
      { numRuns: 50 },
    )
  })

  test('a log that read another has nothing to give back', () => {
    fc.assert(
      fc.property(records, records, (left, right) => {
        const [one, other] = [aLog(), aLog()]
        for (const record of left) one.merge(record)
        for (const record of right) other.merge(record)
        const copy = (from: IntentLog, to: IntentLog): number =>
          from.since(0, 10).filter((row) => to.merge(readRecord(row) as IntentRecord)).length
        copy(one, other)
        copy(other, one)
        expect(copy(one, other)).toBe(0)
      }),
      { numRuns: 50 },
    )
  })
})

test.each<[string, string, string | null]>([
  ['unknown', 'k', 'true'],
  ['replication', 'k', '{"factor":0}'],
  ['replication', 'k', '{'],
  ['replication', '../k', '{"factor":3}'],
  ['unshared', 'peer1/a', 'false'],
  ['unshared', 'a', 'true'],
  ['unshared', 'peer1/../a', null],
  ['drain', 'peer 1', 'true'],
])('a record of kind %s with key %s and value %s is not read', (kind, key, value) => {
  expect(readRecord({ kind, key, value, changedMs: 1 })).toBeUndefined()
})

describe('forgetting', () => {
  const yearMs = 366 * 86_400_000
  const rule = (
    key: string,
    value: { factor: number } | null,
    changedMs: number,
  ): IntentRecord => ({
    kind: 'replication',
    key,
    value,
    changedMs,
  })
  const keys = (log: IntentLog): string[] => log.since(0, 1_000).map(({ key }) => key)

  test('a revoked decision is remembered for a year, one in force for ever', () => {
    const log = aLog()
    for (const record of [rule('in force', { factor: 3 }, 0), rule('revoked', null, 0)])
      log.merge(record)
    expect(log.prune(yearMs - 1)).toBe(0)
    expect(log.prune(yearMs)).toBe(1)
    expect(keys(log)).toEqual(['in force'])
    // The number of the last record stays, or peers would miss the next one.
    expect(log.state.revision).toBe(2)
  })

  test('beyond the bound of its kind, the oldest revoked decisions are forgotten', () => {
    const log = aLog()
    const max = limits.replicationRulesMax
    for (let index = 0; index < max + 2; index++) log.merge(rule(`k${index}`, null, 100 - index))
    log.merge(rule('in force', { factor: 3 }, 0))
    expect(log.prune(200)).toBe(2)
    expect(log.prune(200)).toBe(0)
    expect(keys(log)).toHaveLength(max + 1)
    expect(keys(log)).not.toContain(`k${max + 1}`)
    expect(keys(log)).toContain('in force')
  })
})
