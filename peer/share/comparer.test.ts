import { renameSync, symlinkSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { seededRandom } from '../../common/random.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Catalog } from './catalog.ts'
import { Comparer } from './comparer.ts'
import type { Finding } from './findings.ts'
import { Folders } from './folders.ts'

test('a folder that is swapped for a link between the look and the reading gives nothing away', async () => {
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
