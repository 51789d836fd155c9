import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { silentLog } from '../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import { FolderGuard } from './folder-guard.ts'
import { lookAtFolder } from './folder-look.ts'
import { Folders } from './folders.ts'
import { UnreadableFolders } from './unreadable-folders.ts'
import { Vanished } from './vanished.ts'

/** A catalog of a few files in shared/, which are looked after as they vanish. */
async function aWorld(count: number) {
  const temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  await mkdir(folders.shared)
  const catalog = new Catalog(folders, { random: seededRandom('catalog') })
  onTestFinished(async () => {
    catalog[Symbol.dispose]()
    await temporary[Symbol.asyncDispose]()
  })
  const entries: Entry[] = []
  for (let number = 0; number < count; number++) {
    const at = folders.place({ kind: 'shared', name: String(number) })
    await writeFile(at.path, `text ${number}`)
    const { content, chunkList, stat } = await hashFile(at.path)
    entries.push(catalog.put({ at, stat, content }, chunkList))
  }
  const clock = new FakeClock()
  const reader = { isReadable: async () => true }
  const guard = new FolderGuard({
    folders,
    catalog,
    look: lookAtFolder,
    unreadable: new UnreadableFolders({ catalog, reader, clock }),
    onReadable: () => {},
    log: silentLog,
  })
  await guard.survey()
  const asked: number[] = []
  const vanished = new Vanished({
    catalog,
    guard,
    clock,
    isLooking: () => false,
    onDue: () => void asked.push(clock.monotonicMs()),
    drop: (finding) => finding.apply(catalog),
    look: () => {},
  })
  return { entries, catalog, clock, guard, asked, vanished, folders }
}

test('files that disappear one after another are judged together', async () => {
  const { entries, clock, asked, vanished, guard } = await aWorld(5)
  for (const entry of entries) {
    await rm(entry.at.path)
    vanished.add(entry)
    await clock.advance(400)
  }
  expect(asked).toEqual([])
  await clock.advance(100)
  expect(asked).toHaveLength(1)

  expect(await vanished.judge()).toBe(0)
  expect(guard.list()).toMatchObject([{ folder: 'shared', reason: 'is empty', files: 5 }])
})

test('files that keep disappearing are judged after the longer time', async () => {
  const { entries, clock, asked, vanished } = await aWorld(2)
  const [entry] = entries
  if (entry === undefined) throw new Error('there is one')
  for (let spentMs = 0; spentMs < 11_000; spentMs += 400) {
    vanished.add(entry)
    await clock.advance(400)
  }
  expect(asked[0]).toBeLessThan(11_000)
})

test('a file that is back, or was replaced, when it is judged is not dropped', async () => {
  const { entries, catalog, vanished } = await aWorld(3)
  for (const entry of entries.slice(1)) {
    await rm(entry.at.path)
    vanished.add(entry)
  }
  await writeFile(entries[1]?.at.path ?? '', 'another text')

  expect(await vanished.judge()).toBe(1)
  expect(catalog.list('shared', 10).map(({ at }) => at.name)).toEqual(['0', '1'])
})

test('files that a scan finds missing are judged at its end, however long it takes', async () => {
  const { entries, catalog, clock, asked, vanished, guard } = await aWorld(5)
  for (const entry of entries) {
    await rm(entry.at.path)
    vanished.add(entry, { inScan: true })
    await clock.advance(20_000)
    // As for a file that is deleted meanwhile.
    await vanished.judge()
  }
  expect(catalog.totals().shared.count).toBe(5)
  expect(asked).toEqual([])
  expect(await vanished.judge({ sinceSeq: Infinity, confirmed: new Set() })).toBe(0)
  expect(catalog.totals().shared.count).toBe(5)
  expect(guard.list()).toMatchObject([{ folder: 'shared', reason: 'is empty', files: 5 }])
})

test('a renamed file is dropped under its old name, whatever else is lost', async () => {
  const { entries, catalog, vanished, folders } = await aWorld(3)
  const [first] = entries
  if (first === undefined) throw new Error('there is one')
  const at = folders.place({ kind: 'shared', name: 'moved' })
  await writeFile(join(folders.shared, 'moved'), 'text 0')
  catalog.put({ ...first, at }, Buffer.from(first.content.sha256, 'hex'))
  for (const entry of entries) {
    await rm(entry.at.path)
    vanished.add(entry)
  }
  expect(await vanished.judge()).toBe(3)
  expect(catalog.list('shared', 10).map((entry) => entry.at.name)).toEqual(['moved'])
})

test('other work gets its turn while very many files are dropped', async () => {
  const { vanished, catalog, folders } = await aWorld(0)
  const sha256 = '0'.repeat(64)
  catalog.group(() => {
    for (let number = 0; number < 1_000; number += 1) {
      const at = folders.place({ kind: 'shared', name: `gone ${number}` })
      const content = { sha256, size: 1, chunkRoot: sha256 }
      const stat = { size: 1, mtimeNs: 1n, ino: BigInt(number) }
      vanished.add(catalog.put({ at, stat, content }, Buffer.alloc(32)), { inScan: true })
    }
  })
  let mostBetweenTurns = 0
  let left = catalog.totals().shared.count
  const count = (): void => {
    const now = catalog.totals().shared.count
    mostBetweenTurns = Math.max(mostBetweenTurns, left - now)
    left = now
  }
  const everyTurn = (): void => {
    count()
    if (left > 0) setImmediate(everyTurn)
  }
  everyTurn()
  const confirmed = new Set(['shared'] as const)
  const dropped = await vanished.judge({ sinceSeq: catalog.lastSeq, confirmed })
  count()
  expect(dropped).toBe(1_000)
  expect(mostBetweenTurns).toBeLessThan(200)
})
