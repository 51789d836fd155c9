import { expect, test } from 'vitest'
import { Shell } from '../testing/shell.ts'

test('lists the files and folders in a folder', async () => {
  const shell = new Shell()
  for (const name of ['a', 'photos/2026/b.jpg', 'photos/c.jpg']) shell.peer.add(name)
  shell.peer.add('photos/c.jpg', 'remote', 'other')
  expect(await shell.type('browse', 'photos')).toBe(0)
  expect(shell.answers.text).toBe(
    [
      'NAME   SIZE  MODIFIED           COPIES  VERSIONS',
      '2026/     -  -                       -         -',
      'c.jpg  12 B  1970-01-01 00:00Z       2         2',
      '',
    ].join('\n'),
  )
  expect(await shell.json('browse')).toMatchObject([
    { type: 'file', name: 'a' },
    { type: 'folder', name: 'photos' },
  ])
})

test('says so if there is nothing', async () => {
  const shell = new Shell()
  await shell.type('browse', 'none')
  expect(shell.answers.text).toBe("No files in 'none'.\n")
})
