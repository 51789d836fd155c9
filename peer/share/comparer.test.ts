import { renameSync, symlinkSync } from 'node:fs'
import { lstat, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fileStatOf } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { seededRandom } from '../../common/random.ts'
import { FakeClock } from '../../common/testing/fake-clock.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { Comparer } from './comparer.ts'
import type { Finding } from './findings.ts'
import { Folders } from './folders.ts'

test('a folder that is replaced by a link before the read leaks nothing', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(join(temporary.path, 'data'))
  await folders.create()
  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  const folder = join(folders.shared, 'd')
  const elsewhere = join(temporary.path, 'elsewhere')
  await mkdir(folder, { recursive: true })
  await writeFile(join(folder, 'f'), 'shared')
  const findings: Finding[] = []
  const problems: unknown[] = []
  const comparer = new Comparer({
    catalog,
    folders,
    onSpoiled: () => {},
    onAltered: () => {},
    ignored: { isIgnored: () => false, isUnknown: false },
    clock: new FakeClock(),
    walker: { hash: async () => [] },
    vanished: { add: () => {} } as never,
    findings: { add: (finding: Finding) => findings.push(finding) } as never,
    problems: { add: (...problem: unknown[]) => problems.push(problem), clear: () => {} } as never,
    settling: {
      forget: () => {},
      // The moment between the two: what is behind the link is the very file that was looked at.
      judge: () => {
        renameSync(folder, elsewhere)
        symlinkSync(elsewhere, folder)
        return 'quiet'
      },
    } as never,
    signal: new AbortController().signal,
  })
  const at = folders.at(folders.root({ kind: 'shared' }), 'd/f')
  expect(await comparer.compare({ at, mayBeLinked: false })).toEqual({ again: true })
  expect(findings).toEqual([])
})

test('a thread that ends while it reads small files causes no problem for them', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  await mkdir(folders.shared)
  await writeFile(join(folders.shared, 'f'), 'text')
  const at = folders.at(folders.root({ kind: 'shared' }), 'f')
  const { content, chunkList, stat } = await hashFile(at.path)
  catalog.put({ at, stat, content }, chunkList)
  const findings: Finding[] = []
  const problems: unknown[] = []
  const comparer = new Comparer({
    catalog,
    folders,
    onSpoiled: () => {},
    onAltered: () => {},
    ignored: { isIgnored: () => false, isUnknown: false },
    clock: new FakeClock(),
    walker: { hash: () => Promise.reject(new Error('the thread ended')) },
    vanished: { add: () => {} } as never,
    findings: { add: (finding: Finding) => findings.push(finding) } as never,
    problems: { add: (...problem: unknown[]) => problems.push(problem), isEmpty: true } as never,
    settling: { forget: () => {}, judge: () => 'quiet', isEmpty: true } as never,
    signal: new AbortController().signal,
  })
  const files = [{ diskName: 'f', stat: { ...stat, mtimeNs: stat.mtimeNs + 1n } }]
  const found = { root: folders.root({ kind: 'shared' }), files }
  expect(await comparer.compareFound(found, () => {})).toEqual([at.path])
  expect(findings).toEqual([])
  expect(problems).toEqual([])
})

test('files of a page that failed with a catalog error are compared again', async () => {
  await using temporary = await temporaryFolder()
  const folders = new Folders(temporary.path)
  await folders.create()
  using catalog = new Catalog(folders, { random: seededRandom('catalog') })
  await mkdir(folders.shared)
  await writeFile(join(folders.shared, 'f'), 'text')
  let isBroken = true
  const brokenCatalog = {
    known: catalog.known.bind(catalog),
    named: catalog.named.bind(catalog),
    isUnshared: catalog.isUnshared.bind(catalog),
    sharedAt: () => [],
    get: () => {
      if (isBroken) throw new Error('cannot be read')
      return undefined
    },
  } as never
  const findings: Finding[] = []
  const comparer = new Comparer({
    catalog: brokenCatalog,
    folders,
    onSpoiled: () => {},
    onAltered: () => {},
    ignored: { isIgnored: () => false, isUnknown: false },
    clock: new FakeClock(),
    walker: { hash: async (_, paths) => paths.map(() => ({ sha256: 'a'.repeat(64), stat })) },
    vanished: { add: () => {} } as never,
    findings: { add: (finding: Finding) => findings.push(finding) } as never,
    problems: { add: () => {}, clear: () => {}, isEmpty: true } as never,
    settling: { forget: () => {}, judge: () => 'quiet', isEmpty: true } as never,
    signal: new AbortController().signal,
  })
  const stat = fileStatOf(await lstat(join(folders.shared, 'f'), { bigint: true }))
  const found = { root: folders.root({ kind: 'shared' }), files: [{ diskName: 'f', stat }] }
  await expect(comparer.compareFound(found, () => {})).rejects.toThrow('cannot be read')
  isBroken = false
  expect(await comparer.compareFound(found, () => {})).toEqual([])
  expect(findings).toHaveLength(1)
})
