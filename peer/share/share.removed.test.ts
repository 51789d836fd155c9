import { existsSync } from 'node:fs'
import { cp, link, mkdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import SQLite from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { hasCode } from '../../common/errors.ts'
import type { Change } from '../../common/protocol/messages.ts'
import { rescanMs, ShareFixture } from '../testing/share-fixture.ts'

/** Changes since a number, as words. */
function changesSince(peer: ShareFixture, seq: number): string[] {
  return peer.share.catalog.changesSince(seq, 1_000).map(words)
}

function words(change: Change): string {
  if (change.op !== 'remove') return `${change.op} ${change.name}`
  const { name, reason, renamedTo } = change
  return renamedTo === undefined ? `${reason} ${name}` : `renamed ${name} to ${renamedTo}`
}

const pathOf = (peer: ShareFixture, name: string): string => join(peer.path, 'shared', name)

describe('a rename', () => {
  test('of a folder is one of each file, which are not read again', async () => {
    await using peer = await ShareFixture.create()
    const times = 1_600_000_000
    for (const name of ['a', 'b/c'])
      await peer.write(`shared/old/${name}`, `text of ${name}`, times * 1_000)
    await peer.write('shared/stays', 'stays')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await rename(pathOf(peer, 'old'), pathOf(peer, 'new'))
    // That other bytes with the old times go unnoticed shows that none are read.
    const changed = pathOf(peer, 'new/a')
    await writeFile(changed, 'TEXT OF a')
    await utimes(changed, times, times)
    await peer.rescan()
    expect(peer.shared()).toEqual(['new/a', 'new/b/c', 'stays'])
    expect(changesSince(peer, lastSeq).toSorted()).toEqual([
      'put new/a',
      'put new/b/c',
      'renamed old/a to new/a',
      'renamed old/b/c to new/b/c',
    ])
  })

  test('of a folder with many equal files is no loss', async () => {
    await using peer = await ShareFixture.create()
    const names = Array.from({ length: 40 }, (_, number) => String(number))
    for (const name of names) await peer.write(`shared/old/${name}`, '')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await rename(pathOf(peer, 'old'), pathOf(peer, 'new'))
    await peer.rescan()
    expect(peer.share.keptFolders()).toEqual([])
    expect(changesSince(peer, lastSeq).toSorted()).toEqual(
      [
        ...names.map((name) => `put new/${name}`),
        ...names.map((name) => `renamed old/${name} to new/${name}`),
      ].toSorted(),
    )
  })

  test('is no new file with the inode, size and time of a deleted one', async () => {
    await using peer = await ShareFixture.create()
    const ms = 1_600_000_000_000
    const old = await peer.write('shared/old', 'old text', ms)
    await peer.start()
    await peer.stop()
    const fresh = await peer.write('shared/new', 'new text', ms)
    await rm(old)
    const database = new SQLite(join(peer.path, '.tandem/catalog.db'))
    const { ino } = await stat(fresh, { bigint: true })
    database.prepare("UPDATE entries SET inode = ? WHERE name = 'old'").run(ino)
    database.close()
    await peer.start()
    const { content } = await hashFile(fresh)
    expect(peer.share.get({ kind: 'shared', name: 'new' })?.content).toEqual(content)
  })

  test('by copying and deleting is one if both happen within a minute, in any order', async () => {
    await using peer = await ShareFixture.create()
    for (const name of ['first', 'second', 'third']) await peer.write(`shared/${name}`, name)
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await cp(pathOf(peer, 'first'), pathOf(peer, 'copy'), { preserveTimestamps: true })
    await peer.change(() => peer.onChange(pathOf(peer, 'copy')))
    await rm(pathOf(peer, 'first'))
    peer.onChange(pathOf(peer, 'first'))
    await rm(pathOf(peer, 'second'))
    peer.onChange(pathOf(peer, 'second'))
    await peer.rescan()
    expect(changesSince(peer, lastSeq)).toEqual([
      'put copy',
      'renamed first to copy',
      'deleted second',
    ])
    await peer.write('shared/moved', 'second')
    await peer.change(() => peer.onChange(pathOf(peer, 'moved')))
    expect(changesSince(peer, lastSeq).slice(2)).toEqual(['put moved', 'renamed second to moved'])

    await rm(pathOf(peer, 'third'))
    await peer.rescan()
    await peer.clock.advance(61_000)
    await peer.write('shared/late', 'third')
    await peer.change(() => peer.onChange(pathOf(peer, 'late')))
    expect(changesSince(peer, lastSeq).slice(4)).toEqual(['deleted third', 'put late'])
  })

  test('is none of a second file with the same content', async () => {
    await using peer = await ShareFixture.create()
    for (const name of ['one', 'two', 'three']) await peer.write(`shared/${name}`, 'same')
    await peer.start()
    await peer.clock.advance(61_000)
    await peer.rescan()
    const { lastSeq } = peer.share.catalog
    await rm(pathOf(peer, 'one'))
    await peer.rescan()
    expect(changesSince(peer, lastSeq)).toEqual(['deleted one'])
  })

  test('while the peer is stopped is found at its start', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/old', 'text')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await peer.stop()
    await rename(pathOf(peer, 'old'), pathOf(peer, 'new'))
    await peer.start()
    expect(changesSince(peer, lastSeq)).toEqual(['put new', 'renamed old to new'])
  })

  test('of a chain and a swap leaves the last names', async () => {
    await using peer = await ShareFixture.create()
    for (const name of ['a', 's', 't']) await peer.write(`shared/${name}`, `text ${name}`)
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await rename(pathOf(peer, 'a'), pathOf(peer, 'b'))
    await peer.rescan()
    await rename(pathOf(peer, 'b'), pathOf(peer, 'c'))
    await rename(pathOf(peer, 's'), pathOf(peer, 'x'))
    await rename(pathOf(peer, 't'), pathOf(peer, 's'))
    await rename(pathOf(peer, 'x'), pathOf(peer, 't'))
    await peer.rescan()
    const changes = changesSince(peer, lastSeq)
    expect(changes.toSorted()).toEqual([
      'put c',
      'put s',
      'put t',
      'renamed a to b',
      'renamed b to c',
    ])
  })
})

describe('saving as editors do', () => {
  test('by writing a temporary file and renaming it is one change of content', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/plan.md', 'first')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    const temporary = await peer.write('shared/plan.md.tmp8731', 'second', peer.clock.nowMs())
    peer.onChange(temporary)
    await rename(temporary, pathOf(peer, 'plan.md'))
    for (const path of [temporary, pathOf(peer, 'plan.md')]) peer.onChange(path)
    await peer.clock.advance(5_000)
    await peer.rescan()
    expect(changesSince(peer, lastSeq)).toEqual(['put plan.md'])
  })

  test('by keeping a backup and writing anew is one change of content', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/plan.md', 'first')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await peer.write('shared/.plan.md.swp', 'swap')
    await rename(pathOf(peer, 'plan.md'), pathOf(peer, 'plan.md~'))
    peer.onChange(pathOf(peer, 'plan.md'))
    peer.onChange(pathOf(peer, 'plan.md~'))
    await peer.write('shared/plan.md', 'second')
    peer.onChange(pathOf(peer, 'plan.md'))
    await rm(pathOf(peer, 'plan.md~'))
    await peer.rescan()
    expect(changesSince(peer, lastSeq)).toEqual(['put plan.md'])
    expect(peer.share.view().ignored).toBe(1)
  })
})

describe('a loss is no deletion', () => {
  /** A peer that shares 150 files. */
  async function aSharer(peer: ShareFixture): Promise<void> {
    for (let number = 0; number < 150; number++)
      await peer.write(`shared/${number % 3}/${number}`, `text ${number}`)
    await peer.start()
  }

  test.each<[string, (peer: ShareFixture) => Promise<void>]>([
    ['a folder that is gone', async (peer) => await rename(pathOf(peer, ''), `${peer.path}/away`)],
    [
      'another folder in its place',
      async (peer) => {
        await rename(pathOf(peer, ''), join(peer.path, 'away'))
        await mkdir(pathOf(peer, ''))
      },
    ],
    [
      'an emptied folder',
      async (peer) => {
        for (const part of ['0', '1', '2']) await rm(pathOf(peer, part), { recursive: true })
      },
    ],
    [
      'most of its files',
      async (peer) => {
        for (const part of ['0', '1', '2'])
          for (let number = Number(part); number < 120; number += 3)
            await rm(pathOf(peer, `${part}/${number}`))
      },
    ],
  ])('%s', async (_, lose) => {
    await using peer = await ShareFixture.create()
    await aSharer(peer)
    const { lastSeq } = peer.share.catalog
    await lose(peer)
    peer.onFolder(pathOf(peer, ''))
    await peer.rescan()
    await peer.stop()
    await peer.start()
    expect(changesSince(peer, lastSeq)).toEqual([])
    expect(peer.share.totals().shared.count).toBe(150)
    expect(peer.share.keptFolders()).toHaveLength(1)
    const confirmed = await peer.share.confirmDeletes()
    const changes = changesSince(peer, lastSeq)
    expect(changes).toHaveLength(confirmed)
    expect(changes.every((text) => text.startsWith('deleted '))).toBe(true)
    expect(confirmed).toBeGreaterThanOrEqual(120)
  })

  test('a new catalog', async () => {
    await using peer = await ShareFixture.create()
    await aSharer(peer)
    await peer.stop()
    await rm(join(peer.path, '.tandem'), { recursive: true })
    await rm(pathOf(peer, '0'), { recursive: true })
    await peer.start()
    const changes = changesSince(peer, 0)
    expect(changes).toHaveLength(100)
    expect(changes.every((text) => text.startsWith('put '))).toBe(true)
  })
})

describe('ignored files', () => {
  test('are not shared, and are withdrawn when a pattern is added', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/node_modules/x/y.js', 'y')
    await peer.write('shared/a.o', 'object')
    await peer.write('shared/a.c', 'source')
    await peer.write('shared/Thumbs.db', 'thumbs')
    await peer.start()
    expect(peer.shared()).toEqual(['a.c', 'a.o', 'node_modules/x/y.js'])
    const { lastSeq } = peer.share.catalog
    await peer.write('shared/.tandemignore', 'node_modules/\n*.o\n')
    await peer.rescan()
    expect(peer.shared()).toEqual(['a.c'])
    expect(changesSince(peer, lastSeq).toSorted()).toEqual([
      'withdrawn a.o',
      'withdrawn node_modules/x/y.js',
    ])
    // node_modules/, a.o, Thumbs.db and the file of patterns.
    expect(peer.share.view().ignored).toBe(4)
    expect(existsSync(pathOf(peer, 'a.o'))).toBe(true)
    expect(peer.share.problems()).toEqual([])

    await peer.write('shared/.tandemignore', 'node_modules/\n')
    await peer.rescan()
    expect(peer.shared()).toEqual(['a.c', 'a.o'])
  })

  test('the patterns stay while their file is written, and cannot be pushed', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/.tandemignore', '*.o\n')
    await peer.write('shared/a.o', 'object')
    await peer.start()
    // Just before the scan that follows.
    await peer.write('shared/.tandemignore', '', peer.clock.nowMs() + rescanMs - 1)
    await peer.rescan()
    expect(peer.shared()).toEqual([])
    const bytes = (async function* () {})()
    await expect(peer.share.receive(bytes, { name: 'b.o', replace: false })).rejects.toSatisfy(
      (error) => hasCode(error, 'NAME_IGNORED'),
    )
  })
})

describe('a name that was a file and becomes a folder, or the reverse', () => {
  test('gets its replica beside the old one, which can then go', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('replicated/owner/a', 'the file')
    await peer.write('replicated/owner/b/c', 'in the folder')
    await peer.start()
    const [file] = peer.share.list('replicated', 9)
    const adopt = async (name: string, text: string): Promise<string> => {
      const partialPath = await peer.write(`.tandem/incoming/${name.replace('/', '-')}`, text)
      const { content, chunkList } = await hashFile(partialPath)
      const key = { kind: 'replicated', owner: 'owner', name } as const
      return (await peer.share.adopt({ key, partialPath, content, chunkList })).at.path
    }
    const inFolder = await adopt('a/new', 'in the new folder')
    const asFile = await adopt('b', 'the new file')
    expect(await readFile(inFolder, 'utf8')).toBe('in the new folder')
    expect(await readFile(asFile, 'utf8')).toBe('the new file')
    const names = (): string[] => peer.share.list('replicated', 9).map(({ at }) => at.name)
    expect(names()).toEqual(['a', 'a/new', 'b', 'b/c'])
    const sha256 = file?.content.sha256 ?? ''
    await peer.share.removeReplica({ owner: 'owner', name: 'a', sha256 })
    await peer.rescan()
    expect(names()).toEqual(['a/new', 'b', 'b/c'])
  })

  test('is a deletion and a new file at its owner', async () => {
    await using peer = await ShareFixture.create()
    await peer.write('shared/a', 'the file')
    await peer.write('shared/other', 'other')
    await peer.start()
    const { lastSeq } = peer.share.catalog
    await rm(pathOf(peer, 'a'))
    await peer.write('shared/a/b', 'in the folder')
    await peer.rescan()
    expect(changesSince(peer, lastSeq).toSorted()).toEqual(['deleted a', 'put a/b'])
    await rename(pathOf(peer, 'a/b'), pathOf(peer, 'x'))
    await rm(pathOf(peer, 'a'), { recursive: true })
    await rename(pathOf(peer, 'x'), pathOf(peer, 'a'))
    await peer.rescan()
    expect(changesSince(peer, lastSeq).toSorted()).toEqual(['put a', 'renamed a/b to a'])
  })
})

test('a hard link to a deleted file counts as its new name', async () => {
  await using peer = await ShareFixture.create()
  await peer.write('shared/a', 'text')
  await mkdir(pathOf(peer, 'links'))
  await link(pathOf(peer, 'a'), pathOf(peer, 'links/b'))
  await peer.start()
  await peer.clock.advance(61_000)
  const { lastSeq } = peer.share.catalog
  await rm(pathOf(peer, 'a'))
  await peer.rescan()
  expect(changesSince(peer, lastSeq)).toEqual(['renamed a to links/b'])
})
