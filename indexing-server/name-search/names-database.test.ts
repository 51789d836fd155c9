import fc from 'fast-check'
import { expect, test } from 'vitest'
import { byBytes } from './by-bytes.ts'
import { NamesDatabase } from './names-database.ts'
import { folded } from './trigrams.ts'

const someName = fc.string({
  unit: fc.constantFrom('a', 'b', 'C', 'ü'),
  minLength: 1,
  maxLength: 6,
})
const someNames = fc.array(someName, { maxLength: 30 })
const step = fc.record({ do: fc.constantFrom('replace', 'add', 'remove'), names: someNames })
const steps = fc.array(step, { maxLength: 6 })

/** All names that have the trigrams, page by page. */
function allHaving(database: NamesDatabase, trigrams: readonly string[], from: string): string[] {
  const found: string[] = []
  let start = { from, isAfter: false }
  for (;;) {
    const page = database.having({ trigrams, ...start, max: 3, unsortedMax: 99 })
    expect(page).toBeDefined()
    found.push(...(page?.names ?? []))
    if (page?.until === undefined) return found
    start = { from: page.until, isAfter: true }
  }
}

test('pages have the names with a trigram, sorted, in whichever order they were added', () => {
  fc.assert(
    fc.property(
      steps,
      someName,
      fc.constantFrom('aab', 'abc', 'aaa', 'cüb'),
      (all, from, trigram) => {
        using database = new NamesDatabase(':memory:')
        let names = new Set<string>()
        for (const { do: how, names: given } of all)
          if (how === 'replace') {
            names = new Set(given)
            database.replace('', undefined, [...names].toSorted(byBytes))
          } else if (how === 'add') {
            database.add(given)
            names = new Set([...names, ...given])
          } else {
            database.remove(given)
            names = names.difference(new Set(given))
          }
        const expected = [...names]
          .filter((name) => folded(name).includes(trigram) && byBytes(name, from) >= 0)
          .toSorted(byBytes)
        expect(allHaving(database, [trigram], from)).toEqual(expected)
      },
    ),
    { numRuns: 300 },
  )
})

test('too many names in no order are left to those who read all', () => {
  using database = new NamesDatabase(':memory:')
  const names = Array.from({ length: 50 }, (_, number) => `abc-${50 - number}`)
  database.add(names)
  const request = { trigrams: ['abc'], from: '', isAfter: false, max: 3 }
  expect(database.having({ ...request, unsortedMax: 20 })).toBeUndefined()
  expect(database.having({ ...request, unsortedMax: 60 })?.names).toHaveLength(50)
})
