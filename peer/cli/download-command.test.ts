import { describe, expect, test } from 'vitest'
import { AppError } from '../../common/errors.ts'
import { Shell } from '../testing/shell.ts'

describe('download', () => {
  test('reports why it failed', async () => {
    const shell = new Shell()
    expect(await shell.type('download', 'nobody.txt')).toBe(1)
    expect(shell.remarks.text).toMatch(/^NAME_NOT_FOUND: No peer shares a file called 'nobody.txt'/)
  })

  test('fetches the version that is asked for', async () => {
    const shell = new Shell()
    shell.peer.add('notes.txt', 'remote', 'first')
    const { sha256 } = shell.peer.add('notes.txt', 'remote', 'second')
    expect(
      await shell.json('download', 'notes.txt', '--sha256', sha256.toUpperCase()),
    ).toMatchObject({
      sha256,
    })
  })

  test('fetches a content by its SHA-256 alone', async () => {
    const shell = new Shell()
    shell.peer.add('notes.txt', 'remote', 'first')
    const { sha256 } = shell.peer.add('notes.txt', 'remote', 'second')
    const found = { name: 'notes.txt', sha256 }
    expect(await shell.json('get', sha256.toUpperCase())).toMatchObject(found)
  })

  test('reports a SHA-256 that nothing has, unless a file is called like that', async () => {
    const shell = new Shell()
    const hash = 'a1'.repeat(32)
    expect(await shell.type('get', hash)).toBe(1)
    expect(shell.remarks.text).toContain(
      `CONTENT_NOT_FOUND: There is no content with the SHA-256 ${hash}`,
    )
    shell.peer.add(hash, 'remote', 'some text')
    expect(await shell.json('download', hash)).toMatchObject({ name: hash })
  })

  test('shows a bar on a terminal and removes it', async () => {
    const shell = new Shell({ isTTY: true })
    shell.peer.add('a.txt')
    shell.peer.finishesDownloads = false
    const typed = shell.type('download', 'a.txt')
    await shell.clock.advance(100)
    expect(shell.remarks.text).toContain('0 B of 10 B')
    shell.peer.finish('d1')
    await shell.clock.advance(100)
    expect(await typed).toBe(0)
  })

  test('of a pattern reports the files fetched and those that failed', async () => {
    const shell = new Shell({ isTTY: true })
    shell.peer.finishesDownloads = false
    const typed = shell.type('download', 'photos/**')
    await shell.clock.advance(100)
    const error = {
      code: 'NO_SOURCE',
      message: 'No peer could send it.',
      retryable: true,
      details: {},
    }
    const files = {
      total: 3,
      isListed: true,
      done: 2,
      failed: 1,
      failures: [{ name: 'photos/\u001b[1mc.jpg', error }],
      folder: '/home/ada/data/peer1/downloaded',
      seconds: 0.5,
    }
    shell.peer.finishFiles('d1', files)
    await shell.clock.advance(200)
    expect(await typed).toBe(1)
    expect(shell.answers.text).toBe(
      "Downloaded 2 of 3 files of 'photos/**' -> data/peer1/downloaded\n" +
        '(0 bytes in 0.50s, 4 files/s)\n' +
        '  ! photos/\\u{1b}[1mc.jpg: No peer could send it.\n',
    )
    expect(shell.remarks.text).toContain('1 of the 3 files')
  })

  test('of a folder answers with JSON for programs', async () => {
    const shell = new Shell()
    shell.peer.finishesDownloads = false
    const json = shell.json('download', 'photos/')
    await shell.clock.advance(100)
    const folder = '/home/ada/data/peer1/downloaded'
    const counts = { total: 3, isListed: true, done: 3, failed: 0, failures: [], seconds: 0.5 }
    shell.peer.finishFiles('d1', { ...counts, folder })
    await shell.clock.advance(200)
    expect(await json).toEqual({
      name: 'photos/',
      folder,
      files: 3,
      done: 3,
      failed: 0,
      bytes: 0,
      seconds: 0.5,
      failures: [],
    })
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ])(
    'is paused when %s interrupts its command, and says how to resume it',
    async (signal, code) => {
      const shell = new Shell()
      shell.peer.add('a.txt')
      shell.peer.finishesDownloads = false
      const running = shell.type('download', 'a.txt')
      await shell.clock.advance(50)
      shell.interrupt(signal)
      expect(await running).toBe(code)
      expect(shell.remarks.text).toBe(
        "INTERRUPTED: The download of 'a.txt' was interrupted: its partial data is kept; the same command resumes it, `cancel d1` discards it.\n",
      )
      expect((await shell.peer.download({ id: 'd1', waitMs: 0 })).state).toBe('paused')
    },
  )

  test('reports if it cannot be paused when interrupted', async () => {
    const shell = new Shell()
    shell.peer.finishesDownloads = false
    shell.peer.pauseDownload = async () => {
      throw new AppError('CONNECTION_CLOSED', { address: '127.0.0.1:8100' })
    }
    const typed = shell.type('download', 'a.txt')
    await shell.clock.advance(50)
    shell.interrupt('SIGINT')
    expect(await typed).toBe(130)
    expect(shell.remarks.text).toContain('it could not be paused and may still be running')
  })

  test('is resumed by the next run of the peer if the peer stops', async () => {
    const shell = new Shell()
    shell.peer.finishesDownloads = false
    const typed = shell.type('download', 'a.txt')
    await shell.clock.advance(50)
    shell.stop.abort(new AppError('STOPPING'))
    expect(await typed).toBe(1)
    expect((await shell.peer.download({ id: 'd1', waitMs: 0 })).state).toBe('running')
  })
})
