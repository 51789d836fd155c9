import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { CapturedOutput } from '../testing/captured-output.ts'
import { lsCommand } from './ls-command.ts'
import { addCommands, newProgram, runProgram } from './program.ts'
import { Terminal } from './terminal.ts'

/** Types `ls` at a prompt in a folder. */
async function typed(workingFolder: string, ...words: string[]) {
  const [answers, remarks] = [new CapturedOutput(), new CapturedOutput()]
  const terminal = await Terminal.open({ answers, remarks })
  const program = newProgram('')
  const { signal } = new AbortController()
  addCommands(program, 'Commands:', [lsCommand({ workingFolder, terminal, signal })])
  const code = await runProgram(program, ['ls', ...words], terminal)
  return { code, answers: answers.text, remarks: remarks.text }
}

test('ls lists files with their sizes, and folders with a slash', async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'photos'))
  await writeFile(join(folder.path, 'b\u001b[1m.bin'), Buffer.alloc(2_500))
  await writeFile(join(folder.path, 'a.txt'), 'hello')
  const { code, answers } = await typed(folder.path)
  const rows = answers.split('\n').map((line) => line.split(/ {2,}/))
  expect(code).toBe(0)
  expect(rows).toEqual([
    [`${folder.path}:`],
    ['NAME', '   SIZE'].map((title) => title.trim()),
    ['a.txt', '5 B'],
    [expect.not.stringContaining('\u001b'), '2.50 KB'],
    ['photos/'],
    [''],
  ])
})

test('ls of another folder that is empty, absent, or a file', async () => {
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'empty'))
  await writeFile(join(folder.path, 'a.txt'), 'hello')
  expect((await typed(folder.path, 'empty')).answers).toBe(`${folder.path}/empty: empty\n`)
  expect(await typed(folder.path, 'absent')).toMatchObject({
    code: 1,
    remarks: `FILE_NOT_FOUND: There is no file '${folder.path}/absent'.\n`,
  })
  const { code, remarks } = await typed(folder.path, 'a.txt')
  expect([code, remarks]).toEqual([1, expect.stringMatching(/^DISK_FAILED: .*ENOTDIR/)])
})

test('ls shows a bounded number of entries', async () => {
  await using folder = await temporaryFolder()
  const names = Array.from({ length: 1_003 }, (_, number) => `file ${number}`)
  await Promise.all(names.map((name) => writeFile(join(folder.path, name), '')))
  const { answers } = await typed(folder.path)
  expect(answers.split('\n')).toHaveLength(1_004)
  expect(answers).toContain('… and 3 others')
})
