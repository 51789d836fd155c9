import { join } from 'node:path'
import { expect, test } from 'vitest'
import { hashFile } from '../../common/content/hash.ts'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { interleaved, writeCorpus } from './corpus.ts'

test('a corpus knows the SHA-256 of every file that it wrote', async () => {
  await using folder = await temporaryFolder()
  const corpus = await writeCorpus(folder.path, { peerId: 'peer2', kb: 3, mb: 1, seed: 'seed' })
  expect(corpus.kb).toHaveLength(3)
  expect(corpus.mb).toHaveLength(1)
  for (const { name, sha256 } of [...corpus.kb, ...corpus.mb]) {
    const { content } = await hashFile(join(folder.path, name))
    expect(sha256, name).toBe(content.sha256)
  }
})

test.each([
  { lists: [['a', 'b', 'c'], ['d']], together: ['a', 'd', 'b', 'c'] },
  { lists: [[], ['d', 'e']], together: ['d', 'e'] },
  { lists: [], together: [] },
])('$lists interleaved', ({ lists, together }) => {
  expect(interleaved(lists)).toEqual(together)
})
