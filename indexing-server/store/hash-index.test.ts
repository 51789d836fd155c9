import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { HashIndex } from './hash-index.ts'
import { KeptHashes } from './kept-hashes.ts'
import { migrations } from './migrations.ts'

/** Few, so that contents share them. */
const numbers = [0, 1, 2, 3, 2 ** 31 - 2] as const

const someWrite = fc.record({
  adds: fc.array(fc.constantFrom(...numbers), { maxLength: 4 }),
  /** Which content, as a share of all. */
  removes: fc.option(fc.integer({ min: 0, max: 9 })),
  fails: fc.boolean(),
})
type Write = typeof someWrite extends fc.Arbitrary<infer T> ? T : never

const someGroup = fc.record({
  writes: fc.array(someWrite, { minLength: 1, maxLength: 3 }),
  fails: fc.nat(3).map((n) => n === 0),
  reopens: fc.nat(4).map((n) => n === 0),
})

/** Contents as the store writes them, by groups of writes that may fail alone or together. */
class World {
  readonly #database: Database = openDatabase(':memory:', { migrations })
  index = this.open()

  open(): HashIndex {
    return new HashIndex(this.#database, { keptMax: 3, movedMin: 1, filterMin: 4, readPerWrite: 2 })
  }

  /** Runs work in a transaction, which fails at its end. */
  transact(work: () => void, fails: boolean): void {
    try {
      this.#database.transaction(() => {
        work()
        if (fails) throw new RangeError('fails')
      })()
    } catch (error) {
      if (!(error instanceof RangeError)) throw error
      this.index.onRolledBack()
    }
  }

  write({ adds, removes }: Write): void {
    let lastId = this.#value('select last_content_id from totals') ?? 0
    for (const number of adds) {
      lastId += 1
      this.#run(`insert into contents values (${lastId}, ${number}, '', 1, null, 0, null, '')`)
      this.index.add(lastId, number)
    }
    this.#run(`update totals set last_content_id = ${lastId}`)
    const removed =
      removes === null
        ? undefined
        : this.#value(`select content_id from contents where content_id >= ${removes} limit 1`)
    if (removed !== undefined) {
      const number = this.#value(`select hash_number from contents where content_id = ${removed}`)
      this.#run(`delete from contents where content_id = ${removed}`)
      this.index.remove(removed, number ?? 0)
    }
    this.index.settle()
  }

  /** The contents with a number that exist, of those that are found. */
  found(number: number): number[] {
    const existing = this.expected(number)
    return this.index.find(number).filter((contentId) => existing.includes(contentId))
  }

  expected(number: number): number[] {
    const sql = `select content_id from contents where hash_number = ${number} order by 1`
    return this.#database.prepare(sql).pluck().all() as number[]
  }

  /** Numbers in the table that no content has. */
  get leftOver(): unknown[] {
    const sql = `select hash_number, content_id from content_hashes
      except select hash_number, content_id from contents`
    return this.#database.prepare(sql).all()
  }

  #run(sql: string): void {
    this.#database.prepare(sql).run()
  }

  #value(sql: string): number | undefined {
    return this.#database.prepare(sql).pluck().get() as number | undefined
  }
}

test('after writes that fail alone or together, each content is found by its hash', () => {
  fc.assert(
    fc.property(fc.array(someGroup, { maxLength: 20 }), (groups) => {
      const world = new World()
      for (const { writes, fails, reopens } of groups) {
        world.transact(() => {
          for (const write of writes) world.transact(() => world.write(write), write.fails)
        }, fails)
        if (reopens) world.index = world.open()
        for (const number of numbers) expect(world.found(number)).toEqual(world.expected(number))
        expect(world.leftOver).toEqual([])
      }
    }),
    { numRuns: 150 },
  )
})

test('kept hashes are sorted by number, and forget what was added last', () => {
  const kept = new KeptHashes()
  for (const [contentId, number] of [
    [3, 7],
    [5, 2],
    [6, 7],
    [9, 0],
  ] as const)
    kept.add(contentId, number)
  const sorted = Array.from(kept.sorted(), (position) => kept.at(position).contentId)
  expect(sorted).toEqual([9, 5, 3, 6])
  kept.dropAfter(5)
  const found: number[] = []
  for (const number of [7, 2, 0]) kept.find(number, found)
  expect(found).toEqual([3, 5])
  expect([kept.count, kept.firstId, kept.lastId]).toEqual([2, 3, 5])
})
