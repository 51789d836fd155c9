import { expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { CatalogChanges } from './catalog-changes.ts'
import type { Inventory } from './inventory.ts'

const minuteMs = 60_000

/** A catalog of one file per change, whose removals up to `forgotten` are no longer known. */
class FakeCatalog implements Inventory {
  readonly epoch = '0'.repeat(16)
  readonly continues = undefined
  readonly seen: number[] = []
  isComplete = true
  forgotten = 0
  lastSeq: number

  constructor(lastSeq: number) {
    this.lastSeq = lastSeq
  }

  changesSince(seq: number, limit: number) {
    const count = Math.min(limit, this.lastSeq - seq)
    return Array.from({ length: count }, (_, index) => ({
      op: 'unshare' as const,
      seq: seq + index + 1,
      name: `${seq + index + 1}`,
    }))
  }

  canResumeFrom(seq: number): boolean {
    return seq > 0 && seq >= this.forgotten && seq <= this.lastSeq
  }

  seenByIndex(seq: number): void {
    this.seen.push(seq)
  }

  onChange(): () => void {
    return () => {}
  }
}

test('a member gets what it lacks, or a full inventory part by part', () => {
  const catalog = new FakeCatalog(4_000)
  const changes = new CatalogChanges(catalog, { clock: new FakeClock() })
  expect(changes.after({ seq: 4_000, isInventory: false })).toBeUndefined()
  expect(changes.after({ seq: 3_999, isInventory: false })).toMatchObject({
    previousSeq: 3_999,
    lastSeq: 4_000,
    changes: [{ name: '4000' }],
  })
  const names: string[] = []
  let part = changes.after({ seq: 0, isInventory: false })
  expect(part).toMatchObject({ begin: true, previousSeq: 0 })
  for (; part !== undefined; part = changes.after({ seq: part.lastSeq, isInventory: true })) {
    names.push(...part.changes.map((change) => ('name' in change ? change.name : '')))
    if (part.end === true) break
  }
  expect(part).toMatchObject({ end: true, lastSeq: 4_000 })
  expect(names).toEqual(Array.from({ length: 4_000 }, (_, index) => `${index + 1}`))
  catalog.forgotten = 3_999
  expect(changes.after({ seq: 3_998, isInventory: false })).toMatchObject({ begin: true })
})

test('removals are forgotten ten minutes after the own index has heard of them', async () => {
  const clock = new FakeClock()
  const catalog = new FakeCatalog(9)
  const changes = new CatalogChanges(catalog, { clock })
  changes.seenByIndex(1)
  changes.seenByIndex(2)
  await clock.advance(9 * minuteMs)
  changes.seenByIndex(5)
  expect(catalog.seen).toEqual([])
  await clock.advance(2 * minuteMs)
  changes.seenByIndex(6)
  // The second one came too soon after the first to be noted.
  expect(catalog.seen).toEqual([1])
  await clock.advance(20 * minuteMs)
  changes.seenByIndex(7)
  expect(catalog.seen).toEqual([1, 6])
})
