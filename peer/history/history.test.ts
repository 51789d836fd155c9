import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { History } from './history.ts'
import { HistoryStore, type NewQuery, type NewTransfer } from './history-store.ts'

const dayMs = 86_400_000
const log = silentLog

const transfer = (timeMs: number, fields: Partial<NewTransfer> = {}): NewTransfer => ({
  timeMs,
  direction: 'in',
  purpose: 'download',
  name: `f${timeMs}`,
  count: 1,
  bytes: 5,
  from: [{ peerId: 'peer2', bytes: 5 }],
  to: 'peer1',
  durationMs: 1,
  bytesPerSecond: 5_000,
  ...fields,
})
const query = (timeMs: number): NewQuery => ({
  timeMs,
  kind: 'lookup',
  what: 'a',
  by: 'page',
  count: 1,
  durationMs: 0.5,
})
const nothing = { transfers: [], queries: [], samples: [] }

function namesIn(store: Pick<HistoryStore, 'transfers'>): (string | undefined)[] {
  return store.transfers({ limit: 500 }).rows.map(({ name }) => name)
}

describe('the store', () => {
  test('lists the newest first, page by page, each row once', () => {
    using store = new HistoryStore(':memory:', { log })
    // Two at the same time.
    const times = [5, 1, 3, 3, 9]
    store.add({ ...nothing, transfers: times.map((ms) => transfer(ms)) }, 10)
    const found: number[] = []
    for (let before: string | undefined; ; ) {
      const { rows, isMore } = store.transfers({ limit: 2, before })
      found.push(...rows.map(({ timeMs }) => timeMs))
      before = rows.at(-1)?.id
      if (!isMore) break
    }
    expect(found).toEqual([9, 5, 3, 3, 1])
  })

  test('leaves out rows that it cannot read, however many follow each other', () => {
    using store = new HistoryStore(':memory:', { log })
    const unreadable = { purpose: 'of a later version' as 'download' }
    const transfers = [1, 2, 3, 4, 5, 6].map((ms) =>
      transfer(ms, ms > 2 && ms < 6 ? unreadable : {}),
    )
    store.add({ ...nothing, transfers }, 10)
    const first = store.transfers({ limit: 2 })
    expect(first).toMatchObject({ rows: [{ timeMs: 6 }, { timeMs: 2 }], isMore: true })
    const before = first.rows.at(-1)?.id
    expect(store.transfers({ limit: 2, before })).toMatchObject({
      rows: [{ timeMs: 1 }],
      isMore: false,
    })
  })

  test('lists one direction', () => {
    using store = new HistoryStore(':memory:', { log })
    store.add({ ...nothing, transfers: [transfer(1), transfer(2, { direction: 'out' })] }, 10)
    expect(store.transfers({ limit: 9, direction: 'out' }).rows).toMatchObject([{ timeMs: 2 }])
  })

  test('is bounded by rows and by days', () => {
    using store = new HistoryStore(':memory:', { log })
    const rows = (count: number, timeMs: number): NewQuery[] =>
      Array.from({ length: count }, () => query(timeMs))
    store.add({ ...nothing, queries: rows(30_000, 1) }, 1)
    store.add({ ...nothing, queries: rows(30_000, 2) }, 2)
    let count = 0
    for (let before: string | undefined; ; ) {
      const page = store.queries({ limit: 500, before })
      count += page.rows.length
      before = page.rows.at(-1)?.id
      if (!page.isMore) break
    }
    expect(count).toBe(50_000)
    store.add({ ...nothing, queries: [query(8 * dayMs)] }, 8 * dayMs)
    expect(store.queries({ limit: 9 }).rows).toMatchObject([{ timeMs: 8 * dayMs }])
  })

  test('survives a restart', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'history.db')
    {
      using store = new HistoryStore(path, { log })
      store.add({ ...nothing, transfers: [transfer(1)] }, 1)
    }
    using store = new HistoryStore(path, { log })
    expect(namesIn(store)).toEqual(['f1'])
  })

  test('moves a damaged file aside, and begins a new one', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'history.db')
    await writeFile(path, 'this is no database'.repeat(999))
    {
      using store = new HistoryStore(path, { log })
      store.add({ ...nothing, transfers: [transfer(1)] }, 1)
    }
    using store = new HistoryStore(path, { log })
    expect(namesIn(store)).toEqual(['f1'])
    expect(await readdir(folder.path)).toContain('history.db.damaged')
  })

  test('works in memory where there can be no file', async () => {
    await using folder = await temporaryFolder()
    const path = join(folder.path, 'history.db')
    await mkdir(path)
    await mkdir(`${path}.damaged`)
    await writeFile(join(`${path}.damaged`, 'x'), '')
    using store = new HistoryStore(path, { log })
    store.add({ ...nothing, transfers: [transfer(1)] }, 1)
    expect(namesIn(store)).toEqual(['f1'])
    using history = new History(store, { clock: new FakeClock(), log })
    expect(history.fault).toContain('EISDIR')
  })
})

describe('recording', () => {
  function setUp() {
    const clock = new FakeClock()
    const now = Math.round(clock.nowMs())
    const store = new HistoryStore(':memory:', { log })
    const disk = { isFull: false, writes: 0 }
    const watched = {
      fault: undefined,
      add: (...parameters: Parameters<HistoryStore['add']>) => {
        disk.writes++
        if (disk.isFull) throw new Error('no space left on device')
        store.add(...parameters)
      },
      transfers: (request: Parameters<HistoryStore['transfers']>[0]) => store.transfers(request),
      queries: (request: Parameters<HistoryStore['queries']>[0]) => store.queries(request),
      samplesSince: (timeMs: number) => store.samplesSince(timeMs),
    }
    return { clock, now, disk, history: new History(watched, { clock, log }) }
  }

  test('is written in groups, and shown immediately', async () => {
    const { clock, now, disk, history } = setUp()
    for (let ms = 0; ms < 2_000; ms += 10) {
      history.addTransfer(transfer(now + ms))
      await clock.advance(10)
    }
    expect(disk.writes).toBeLessThan(3)
    history.addTransfer(transfer(now + 9_999))
    expect(namesIn(history)[0]).toBe(`f${now + 9_999}`)
    const { writes } = disk
    await clock.advance(60_000)
    expect(disk.writes).toBe(writes)
  })

  test('continues in memory while the disk is full, bounded, and is written later', async () => {
    const { clock, now, disk, history } = setUp()
    disk.isFull = true
    for (let ms = 0; ms < 1_500; ms++) history.addTransfer(transfer(now + ms))
    await clock.advance(30_000)
    expect(history.fault).toContain('no space')
    expect(disk.writes).toBeLessThan(5)
    disk.isFull = false
    await clock.advance(10_000)
    expect(history.fault).toBeUndefined()
    const { rows } = history.transfers({ limit: 2_000 })
    expect([rows.length, rows[0]?.timeMs]).toEqual([1_000, now + 1_499])
  })

  test('ends with what is left', () => {
    const { now, history } = setUp()
    history.addTransfer(transfer(now))
    history[Symbol.dispose]()
    expect(namesIn(history)).toEqual([`f${now}`])
  })
})
