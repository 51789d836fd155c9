import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemClock } from '../../common/clock.ts'
import { parseNameQuery } from '../../common/name-query.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { LoopTurns } from '../loop-turns.ts'
import { matchesFrom } from '../search.ts'
import type { ListedName } from '../store/store.ts'
import { NameSearch, namesWorthTrigrams } from './name-search.ts'

/** The names of an index, sorted; counts how many were read. */
class Names {
  names: string[] = []
  rowsRead = 0

  readonly store = {
    listNames: async ({ name: from, contentId: after }: ListedName, limit: number) => {
      const first = this.#firstFrom(from)
      const start = this.names[first] === from && after >= 1 ? first + 1 : first
      const rows = this.names.slice(start, start + limit).map((name) => ({ name, contentId: 1 }))
      this.rowsRead += rows.length
      return rows
    },
    rowsNamed: async ({ name, contentId }: ListedName) => {
      const isListed = contentId < 1 && this.names[this.#firstFrom(name)] === name
      this.rowsRead += Number(isListed)
      return isListed ? [{ name, contentId: 1 }] : []
    },
    totals: async () => ({ ...noTotals, names: this.names.length }),
    contents: async () => [],
    modifiedTimes: async () => [],
  }

  /** The position of the first name from `from` on. */
  #firstFrom(from: string): number {
    let [low, high] = [0, this.names.length]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (byBytes(this.names[middle] ?? '', from) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  set(names: Iterable<string>): void {
    this.names = [...names].toSorted(byBytes)
  }
}

/** As SQLite sorts. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const noTotals = {
  names: 0,
  contents: 0,
  wanted: 0,
  copies: 0,
  bytes: 0,
  trashFiles: 0,
  trashBytes: 0,
}
const nameOf = (number: number): string => `folder-${number % 7}/File-${number}.dat`
const manyNames = Array.from({ length: namesWorthTrigrams }, (_, number) => nameOf(number))

/** A name search over `names`, once it has all of them. */
async function searching(names: Names, path: string) {
  const stop = new AbortController()
  const clock = new FakeClock()
  const turns = new LoopTurns()
  const { store } = names
  const found = new NameSearch(path, { store, turns, isBusy: () => false, clock, log: silentLog })
  const running = found.run(stop.signal).catch(() => {})
  const peerOf = () => undefined
  const dependencies = { store, peerOf, turns, clock: systemClock, names: found }
  return {
    found,
    clock,
    search: async (query: string, max = 100) => {
      const start = { name: '', contentId: 0 }
      const rows = await matchesFrom(start, parseNameQuery(query), max, dependencies, stop.signal)
      return rows.map(({ name }) => name)
    },
    ready: () => expect.poll(() => found.isReady, { timeout: 20_000 }).toBe(true),
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await running
    },
  }
}

test('a search reads the names that match, and no others', async () => {
  await using folder = await temporaryFolder()
  const names = new Names()
  names.set(manyNames)
  await using index = await searching(names, join(folder.path, 'names.sqlite'))
  await index.ready()
  names.rowsRead = 0
  expect(await index.search('le-12345.')).toEqual(['folder-4/File-12345.dat'])
  expect(await index.search('**/File-1234?.dat')).toHaveLength(10)
  expect(await index.search('nothing like it')).toEqual([])
  expect(names.rowsRead).toBeLessThan(100)
  // Too many for trigrams, and too short for them.
  expect(await index.search('file', 3)).toEqual(names.names.slice(0, 3))
  expect(await index.search('99', 1)).toHaveLength(1)
})

test('names that were just written are found, removed ones are not', async () => {
  await using folder = await temporaryFolder()
  const names = new Names()
  names.set(manyNames)
  await using index = await searching(names, join(folder.path, 'names.sqlite'))
  await index.ready()
  names.set([...manyNames.filter((name) => name !== nameOf(777)), 'zebra-one', 'Zebra-two'])
  index.found.onWritten([nameOf(777), 'zebra-one', 'Zebra-two'])
  expect(await index.search('zebra')).toEqual(['Zebra-two', 'zebra-one'])
  // Once more, when the thread has them, and after it forgot the absent one.
  for (let times = 0; times < 2; times += 1) {
    expect(await index.search('File-777.')).toEqual([])
    expect(await index.search('zebra')).toEqual(['Zebra-two', 'zebra-one'])
  }
})

test('pages follow the order of the index, also of characters beyond the first plane', async () => {
  await using folder = await temporaryFolder()
  const names = new Names()
  const odd = ['odd/\u{1f600}', 'odd/\uff5e', 'odd/a']
  names.set([...manyNames, ...odd])
  await using index = await searching(names, join(folder.path, 'names.sqlite'))
  await index.ready()
  expect(await index.search('odd/')).toEqual(['odd/a', 'odd/\uff5e', 'odd/\u{1f600}'])
  index.found.onWritten(odd)
  expect(await index.search('odd/')).toEqual(['odd/a', 'odd/\uff5e', 'odd/\u{1f600}'])
  const after = await index.found.candidates(['odd/'], { name: 'odd/\uff5e', isAfter: false })
  expect(after?.names).toEqual(['odd/\uff5e', 'odd/\u{1f600}'])
})

test('what changed while the index was stopped is found after its start', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'names.sqlite')
  const names = new Names()
  names.set(manyNames)
  {
    await using before = await searching(names, path)
    await before.ready()
  }
  names.set([...manyNames.slice(1), 'quite-new'])
  await using index = await searching(names, path)
  await index.ready()
  expect(await index.search('quite')).toEqual(['quite-new'])
  expect(await index.found.candidates(['file-0.dat'], { name: '', isAfter: false })).toMatchObject({
    names: [],
  })
})

test('with more written names than it remembers, all are compared once writes are few', async () => {
  await using folder = await temporaryFolder()
  const names = new Names()
  names.set(manyNames)
  await using index = await searching(names, join(folder.path, 'names.sqlite'))
  await index.ready()
  const more = Array.from({ length: 30_000 }, (_, number) => `more/${number}-x`)
  names.set([...manyNames, ...more])
  index.found.onWritten(more)
  expect(index.found.isReady).toBe(false)
  expect(await index.search('/29999-')).toEqual(['more/29999-x'])
  await expect.poll(() => index.clock.pending).toBe(1)
  await index.clock.advance(1_000)
  await index.ready()
  names.rowsRead = 0
  expect(await index.search('/29999-')).toEqual(['more/29999-x'])
  expect(names.rowsRead).toBeLessThan(10)
})

test('a damaged database is made anew, and names are read meanwhile', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'names.sqlite')
  await writeFile(path, 'no database at all '.repeat(1_000))
  const names = new Names()
  names.set(manyNames)
  await using index = await searching(names, path)
  await expect.poll(() => index.clock.pending).toBe(1)
  expect(await index.search('le-12345.')).toEqual(['folder-4/File-12345.dat'])
  await index.clock.advance(60_000)
  await index.ready()
  expect(await index.search('le-12345.')).toEqual(['folder-4/File-12345.dat'])
})
