import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../common/testing/temp-folder.ts'
import { checkFolderId, folderPeerId, recordFolderId } from './folder-id.ts'

async function aFolder(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  await mkdir(join(folder.path, '.tandem'))
  return folder.path
}

test('a folder knows the peer that used it', async () => {
  const dataPath = await aFolder()
  expect(folderPeerId(join(dataPath, 'nowhere'))).toBe(undefined)
  expect(folderPeerId(dataPath)).toBe(undefined)
  await recordFolderId(dataPath, 'peer1')
  expect(folderPeerId(dataPath)).toBe('peer1')
  await recordFolderId(dataPath, 'peer1')
  expect(await readFile(join(dataPath, '.tandem/peer-id'), 'utf8')).toBe('peer1\n')
  // What is no id, as after a crash of the disk, is no record.
  await writeFile(join(dataPath, '.tandem/peer-id'), '\0\0')
  expect(folderPeerId(dataPath)).toBe(undefined)
})

test('a folder of an earlier version belongs to the only id that it was used with', async () => {
  const dataPath = await aFolder()
  const identity = join(dataPath, '.tandem/identity')
  await mkdir(identity)
  await writeFile(join(identity, 'peer-ab12'), 'a secret')
  expect(folderPeerId(dataPath)).toBe('peer-ab12')
  await writeFile(join(identity, 'peer-cd34'), 'another')
  expect(folderPeerId(dataPath)).toBe(undefined)
  await recordFolderId(dataPath, 'peer-cd34')
  expect(folderPeerId(dataPath)).toBe('peer-cd34')
})

test('a folder of another peer is refused, unless the peer adopts it', async () => {
  const dataPath = await aFolder()
  const check = (peerId: string, adopts = false): string => {
    try {
      checkFolderId({ dataPath, peerId, adopts })
      return 'ok'
    } catch (error) {
      return String(error)
    }
  }
  expect(check('peer2')).toBe('ok')
  await recordFolderId(dataPath, 'peer1')
  expect([check('peer1'), check('peer2', true)]).toEqual(['ok', 'ok'])
  for (const way of ['--peer peer1', '--data', '--adopt', 'tandem peers forget peer1'])
    expect(check('peer2')).toContain(way)
})
