import { mkdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { findTarget, folderTarget, type Target } from './target.ts'

async function aFolder(): Promise<string> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  return folder.path
}

function find(workingFolder: string, output?: string): Promise<Target> {
  return findTarget('photos/a.jpg', { output, workingFolder })
}

test('a folder gets the base name, any other path is used unchanged', async () => {
  const folder = await aFolder()
  await mkdir(join(folder, 'out'))
  expect((await find(folder)).path).toBe(join(folder, 'a.jpg'))
  expect((await find(folder, 'out')).path).toBe(join(folder, 'out', 'a.jpg'))
  expect((await find(folder, 'new/')).path).toBe(join(folder, 'new', 'a.jpg'))
  expect((await find(folder, 'out/b')).path).toBe(join(folder, 'out', 'b'))
  expect((await find('/elsewhere', join(folder, 'b'))).path).toBe(join(folder, 'b'))
})

test('partial data is beside it, at the same path in every attempt', async () => {
  const folder = await aFolder()
  const target = await find(folder, 'b')
  expect(dirname(target.folderBeside)).toBe(folder)
  expect((await find(folder, 'b')).folderBeside).toBe(target.folderBeside)
  expect((await find(folder, 'c')).folderBeside).not.toBe(target.folderBeside)
})

test('a file has one path for every name, a folder one per valid name', async () => {
  const file = await find(await aFolder(), 'b')
  expect([file.diskNameOf('photos/a.jpg'), file.diskNameOf('c')]).toEqual(['b', 'b'])
  const folder = folderTarget('/out', '**')
  expect(folder.diskNameOf('photos/a.jpg')).toBe('photos/a.jpg')
  expect(() => folder.diskNameOf('../a')).toThrow(expect.objectContaining({ code: 'NAME_INVALID' }))
})
