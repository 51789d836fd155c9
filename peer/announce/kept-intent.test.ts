import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { IntentRecord, RequestOf } from '../../common/protocol/messages.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { KeptIntent } from './kept-intent.ts'

const logs = ['0'.repeat(16), '1'.repeat(16)] as const

function record(revision: number, key = `key ${revision}`): IntentRecord {
  return { kind: 'unshared', key, value: 'true', changedMs: revision, revision }
}

function page(
  log: 0 | 1,
  records: IntentRecord[],
  fields: Partial<RequestOf<'keep-intent'>> = {},
): RequestOf<'keep-intent'> {
  const revision = records.at(-1)?.revision ?? 0
  return { logId: logs[log], after: 0, revision, isLast: true, records, ...fields }
}

const keysIn = (kept: KeptIntent): string[] =>
  kept.read({ after: 0, limit: 1_000 }).records.map(({ key }) => key)

describe('the decisions that a peer keeps', () => {
  test('outlive the peer, and continue where they ended', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'intent.db')
    const first = new KeptIntent(path, { log: silentLog })
    expect(first.state).toBeUndefined()
    first.keep(page(0, [record(1), record(3)]))
    first[Symbol.dispose]()
    using kept = new KeptIntent(path, { log: silentLog })
    expect(kept.state).toEqual({ logId: logs[0], revision: 3 })
    // The second replaces an earlier record of its key.
    expect(kept.keep(page(0, [record(4, 'key 1'), record(5)], { after: 3 }))).toEqual({
      revision: 5,
    })
    expect(keysIn(kept)).toEqual(['key 3', 'key 1', 'key 5'])
    expect(kept.read({ after: 3, limit: 1 }).records).toEqual([record(4, 'key 1')])
  })

  test('are replaced by another log only when that is complete', async () => {
    using kept = new KeptIntent(':memory:', { log: silentLog })
    kept.keep(page(0, [record(1)]))
    kept.keep(page(1, [record(1, 'new 1')], { isLast: false }))
    expect([kept.state, keysIn(kept)]).toEqual([{ logId: logs[0], revision: 1 }, ['key 1']])
    // It starts again, as after a lost connection.
    kept.keep(page(1, [record(1, 'new 1')], { isLast: false }))
    kept.keep(page(1, [record(2, 'new 2')], { after: 1 }))
    expect(kept.state).toEqual({ logId: logs[1], revision: 2 })
    expect(keysIn(kept)).toEqual(['new 1', 'new 2'])
  })

  test('an empty log replaces another', () => {
    using kept = new KeptIntent(':memory:', { log: silentLog })
    kept.keep(page(0, [record(1)]))
    kept.keep(page(1, []))
    expect([kept.state, keysIn(kept)]).toEqual([{ logId: logs[1], revision: 0 }, []])
  })

  test('a page that does not continue the last one is ignored', () => {
    using kept = new KeptIntent(':memory:', { log: silentLog })
    kept.keep(page(0, [record(1)]))
    expect(kept.keep(page(0, [record(9)], { after: 5 }))).toEqual({ revision: 1 })
    expect(kept.keep(page(1, [record(9)], { after: 5 }))).toEqual({ revision: 0 })
    expect(keysIn(kept)).toEqual(['key 1'])
  })

  test('are bounded, also while another log arrives', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'intent.db')
    {
      using kept = new KeptIntent(path, { log: silentLog, recordsMax: 2 })
      kept.keep(page(0, [record(1), record(2), record(3)]))
      expect(keysIn(kept)).toEqual(['key 2', 'key 3'])
      for (const revision of [1, 3, 5]) {
        const records = [record(revision), record(revision + 1)]
        kept.keep(page(1, records, { after: revision - 1, isLast: false }))
      }
    }
    const database = new SQLite(path)
    const incoming = database.prepare('select key from incoming order by revision').pluck().all()
    database.close()
    expect(incoming).toEqual(['key 5', 'key 6'])
  })

  test('are complete whatever pages arrive in whatever order: state never claims more', () => {
    const revisions = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 12 })
    const cuts = fc.array(
      fc.record({ log: fc.constantFrom(0, 1), after: fc.nat(12), to: fc.nat(12) }),
      { maxLength: 30 },
    )
    fc.assert(
      fc.property(revisions, cuts, (numbers, steps) => {
        using kept = new KeptIntent(':memory:', { log: silentLog })
        const all = numbers.toSorted((a, b) => a - b).map((number) => record(number))
        for (const { log, after, to } of steps) {
          const records = all.filter(({ revision }) => revision > after && revision <= to)
          const isLast = to === 12
          kept.keep(page(log as 0 | 1, records, { after, revision: Math.max(after, to), isLast }))
          const upTo = kept.state?.revision ?? 0
          const expected = all.filter(({ revision }) => revision <= upTo).map(({ key }) => key)
          expect(keysIn(kept)).toEqual(expected)
        }
      }),
      { numRuns: 100 },
    )
  })
})

test('a damaged file is moved aside, and the next run has what is kept then', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'intent.db')
  await writeFile(path, 'no database'.repeat(1_000))
  {
    using kept = new KeptIntent(path, { log: silentLog })
    kept.keep(page(0, [record(1)]))
  }
  using kept = new KeptIntent(path, { log: silentLog })
  expect(keysIn(kept)).toEqual(['key 1'])
  expect(await readdir(folder.path)).toContain('intent.db.damaged')
})

test('without a usable file they are kept in memory', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'intent.db')
  await mkdir(path)
  using kept = new KeptIntent(path, { log: silentLog })
  kept.keep(page(0, [record(1)]))
  expect(keysIn(kept)).toEqual(['key 1'])
})
