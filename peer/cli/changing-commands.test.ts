import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { Shell } from '../testing/shell.ts'

test('replication resume says whether copying was paused', async () => {
  const shell = new Shell()
  shell.peer.isBraked = true
  expect(await shell.type('replication', 'resume')).toBe(0)
  expect(shell.answers.text).toBe('Copying resumes.\n')
  await shell.type('replication', 'resume')
  expect(shell.answers.text).toContain('Copying was not paused.\n')
  expect(await shell.json('replication', 'resume')).toEqual({ released: false })
  expect(await shell.type('replication', 'stop')).toBe(2)
})

describe('deletes', () => {
  test('shows folders without their files, and confirms that they were deleted', async () => {
    const shell = new Shell()
    shell.peer.keptFiles = 3
    await shell.type('deletes')
    expect(shell.answers.text).toContain('shared is missing; 3 entries kept')
    expect(await shell.json('deletes')).toMatchObject({ keptFolders: [{ files: 3 }] })
    expect(await shell.type('deletes', 'confirm')).toBe(0)
    expect(shell.answers.text).toContain('3 missing files')
    expect(shell.peer.keptFiles).toBe(0)
  })

  test('has nothing to confirm when no file is missing', async () => {
    const shell = new Shell()
    await shell.type('deletes')
    expect(shell.answers.text).toContain('nothing to confirm')
  })
})

test('unshare removes a file', async () => {
  const shell = new Shell()
  shell.peer.add('mine.txt', 'shared')
  expect(await shell.type('unshare', 'mine.txt')).toBe(0)
  expect(shell.peer.files).toEqual([])
})

describe('push', () => {
  test('shares a file under its name or another', async () => {
    await using folder = await temporaryFolder()
    const shell = new Shell({ workingFolder: folder.path })
    await writeFile(join(folder.path, 'report.txt'), 'numbers')
    expect(await shell.type('push', 'report.txt')).toBe(0)
    expect(await shell.type('push', 'report.txt', '--name', 'q3/report.txt')).toBe(0)
    expect(shell.peer.files.map(({ name }) => name)).toEqual(['report.txt', 'q3/report.txt'])
    expect(shell.answers.text).toContain("Pushed 'report.txt' (7 bytes, SHA-256 ")
    await writeFile(join(folder.path, 'report.txt'), 'other numbers')
    expect(await shell.type('push', 'report.txt')).toBe(1)
    expect(await shell.type('push', 'report.txt', '--replace')).toBe(0)
  })

  test.each([
    ['nothing.txt', 'FILE_NOT_FOUND'],
    ['.', 'DISK_FAILED'],
  ])('fails for %s with %s', async (path, code) => {
    await using folder = await temporaryFolder()
    const shell = new Shell({ workingFolder: folder.path })
    expect(await shell.type('push', path)).toBe(1)
    expect(shell.remarks.text).toMatch(new RegExp(`^${code}: .*\\n$`))
  })
})

describe('downloads', () => {
  test('are listed, paused, resumed and cancelled by id or name', async () => {
    const shell = new Shell()
    shell.peer.finishesDownloads = false
    const { id } = await shell.peer.startDownload({ name: 'a.txt' })
    expect(await shell.json('pause', 'a.txt')).toMatchObject({ id, state: 'paused' })
    expect(await shell.json('downloads')).toMatchObject([{ id, state: 'paused' }])
    expect(await shell.json('resume', id)).toMatchObject({ id, state: 'running' })
    expect(await shell.json('cancel', 'a.txt')).toMatchObject({ id, state: 'failed' })
    expect(await shell.type('downloads')).toBe(0)
    expect(shell.answers.text).toContain('a.txt  failed')
    expect(await shell.type('pause', 'b.txt')).toBe(1)
    expect(shell.remarks.text).toBe(
      'DOWNLOAD_NOT_FOUND: There is no download b.txt. `tandem downloads` lists them.\n',
    )
  })

  test('a download paused by another client ends its command', async () => {
    const shell = new Shell()
    shell.peer.finishesDownloads = false
    const typed = shell.type('download', 'a.txt')
    await shell.clock.advance(50)
    await shell.peer.pauseDownload({ id: 'd1' })
    await shell.clock.advance(500)
    expect(await typed).toBe(1)
    expect(shell.remarks.text).toContain('PAUSED:')
  })
})

describe('limits', () => {
  test('are shown with their origin and the next change', async () => {
    const shell = new Shell()
    expect(await shell.type('limits')).toBe(0)
    expect(shell.answers.text.split('\n')).toEqual([
      'LIMIT                      VALUE  FROM',
      'upload                 2.00 MB/s  schedule: mon, tue, wed, thu, fri 08:00-18:00',
      'download               unlimited  default',
      'replication-upload     unlimited  default',
      'replication-download   unlimited  default',
      'scrub                 50.00 MB/s  default',
      'capacity               unlimited  default',
      'connections                 4096  default',
      'downloads                      4  default',
      'Next by schedule, Monday 18:00: upload 20.00 MB/s',
      '',
    ])
  })

  test.each([
    ['set upload 5MB/s', { uploadBytesPerSecond: { value: 5_000_000, from: 'hand' } }],
    ['set UPLOAD unlimited', { uploadBytesPerSecond: { value: 'unlimited', from: 'hand' } }],
    ['set downloads 3', { downloadsAtOnce: { value: 3, from: 'hand' } }],
    ['set connections 200', { connections: { value: 200, from: 'hand' } }],
    ['reset downloads', { downloadsAtOnce: { value: 4, from: 'setting', origin: 'default' } }],
  ])('%s', async (typed, limits) => {
    const shell = new Shell()
    await shell.type('limits', 'set', 'downloads', '7')
    expect(await shell.json('limits', ...typed.split(' '))).toMatchObject({ limits })
  })

  test('can all be reset together', async () => {
    const shell = new Shell()
    const before = await shell.json('limits')
    await shell.type('limits', 'set', 'downloads', '7')
    await shell.type('limits', 'set', 'upload', '1MB')
    expect(await shell.json('limits', 'reset')).toEqual(before)
  })

  test.each([
    ['raise', 'Allowed choices are set, reset'],
    ['set upload', 'usage: limits set LIMIT VALUE'],
    ['set uploads 5MB', 'the limit must be one of upload, download'],
    ['set upload 5', 'at least 50 KB'],
    ['set connections 0', 'connections must be a whole number from 1 to 4096'],
    ['set downloads 100', 'downloads must be a whole number from 1 to 64'],
    ['reset upload 5MB', 'usage: limits reset [LIMIT]'],
  ])('%s is wrong usage', async (typed, complaint) => {
    const shell = new Shell()
    expect(await shell.type('limits', ...typed.split(' '))).toBe(2)
    expect(shell.remarks.text).toContain(complaint)
    expect(shell.answers.text).toBe('')
  })
})
