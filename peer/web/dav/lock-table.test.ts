import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../../common/random.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { type Lock, LockTable, locksMax, timeoutSecondsOf } from './lock-table.ts'

interface Wanted {
  readonly isDeep?: boolean
  readonly isShared?: boolean
  readonly host?: string
}

class Table {
  readonly clock = new FakeClock()
  readonly locks = new LockTable({ clock: this.clock, random: seededRandom('locks') })

  add(name: string, wanted: Wanted = {}): Lock | undefined {
    const { isDeep = false, isShared = false, host = 'host' } = wanted
    const added = this.locks.add({ name, host, isDeep, isShared, owner: '', timeoutSeconds: 60 })
    return typeof added === 'object' && 'token' in added ? added : undefined
  }

  forbids(name: string, tokens: readonly (string | undefined)[], isDeep = false): string[] {
    const known = new Set(tokens.filter((token) => token !== undefined))
    const change = { name, isDeep, isMembership: true }
    return this.locks.against(change, known).map((lock) => lock.name)
  }
}

describe('a lock', () => {
  test('forbids changes to all but its owner', () => {
    const table = new Table()
    const lock = table.add('a')
    expect(lock?.token).toMatch(/^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect(table.forbids('a', [])).toEqual(['a'])
    expect(table.forbids('a', [lock?.token])).toEqual([])
    expect(table.forbids('ab', [])).toEqual([])
  })

  test('of a folder forbids new names in it, a deep one changes below it', () => {
    const table = new Table()
    table.add('flat')
    table.add('deep', { isDeep: true })
    expect(table.forbids('flat/a', [])).toEqual(['flat'])
    expect(table.forbids('flat/a/b', [])).toEqual([])
    expect(table.forbids('deep/a/b', [])).toEqual(['deep'])
  })

  test('below a folder forbids removing the folder', () => {
    const table = new Table()
    const lock = table.add('a/b/c')
    expect(table.forbids('a', [], true)).toEqual(['a/b/c'])
    expect(table.forbids('a', [lock?.token], true)).toEqual([])
  })

  test.each([
    ['another', 'a', {}, 'a', {}, false],
    ['one below a deep one', 'a', { isDeep: true }, 'a/b', {}, false],
    ['a deep one above one', 'a/b', {}, 'a', { isDeep: true }, false],
    ['one below a flat one', 'a', {}, 'a/b', {}, true],
    ['a shared one beside a shared one', 'a', { isShared: true }, 'a', { isShared: true }, true],
    ['an exclusive one beside a shared one', 'a', { isShared: true }, 'a', {}, false],
  ])('%s: %s and then %s', (_, first, of, second, other, isPossible) => {
    const table = new Table()
    table.add(first, of)
    expect(table.add(second, other) !== undefined).toBe(isPossible)
  })

  test('that is shared lets any of its owners in', () => {
    const table = new Table()
    const tokens = [1, 2].map(() => table.add('a', { isShared: true })?.token)
    expect(table.forbids('a', [tokens[1]])).toEqual([])
    expect(table.forbids('a', [])).toEqual(['a', 'a'])
  })

  test('ends after its time, unless it is refreshed', async () => {
    const table = new Table()
    const lock = table.add('a')
    await table.clock.advance(50_000)
    expect(table.locks.refresh('a', lock?.token ?? '', 30)).toMatchObject({ timeoutSeconds: 30 })
    await table.clock.advance(29_000)
    expect(table.forbids('a', [])).toEqual(['a'])
    await table.clock.advance(1_000)
    expect(table.forbids('a', [])).toEqual([])
    expect(table.locks.refresh('a', lock?.token ?? '', 30)).toBeUndefined()
  })

  test('is removed by its token and where it applies only', () => {
    const table = new Table()
    const lock = table.add('a', { isDeep: true })
    expect(table.locks.remove('b', lock?.token ?? '')).toBe(false)
    expect(table.locks.remove('a/b', 'urn:x')).toBe(false)
    expect(table.locks.remove('a/b', lock?.token ?? '')).toBe(true)
    expect(table.forbids('a', [])).toEqual([])
  })

  test('is gone with its file', () => {
    const table = new Table()
    for (const name of ['a', 'a/b', 'ab']) table.add(name)
    table.locks.removeAll('a')
    expect(['a', 'a/b', 'ab'].flatMap((name) => table.forbids(name, []))).toEqual(['ab'])
  })

  test('is refused when its host has half of all, and others still get theirs', async () => {
    const table = new Table()
    for (let count = 0; count < locksMax / 2; count += 1)
      expect(table.add(`a${count}`)).toBeDefined()
    expect(table.add('b')).toBeUndefined()
    expect(table.add('b', { host: 'other' })).toBeDefined()
    await table.clock.advance(60_000)
    expect(table.add('c')).toBeDefined()
  })
})

test.each([
  [undefined, undefined],
  ['Second-30', 30],
  ['Second-30, Infinite', 30],
  ['Infinite', 3_600],
  ['Second-4100000000', 3_600],
  ['Second-0', 1],
  ['later', 3_600],
])('a lock for the time %j lasts %j s', (header, seconds) => {
  expect(timeoutSecondsOf(header)).toBe(seconds)
})
