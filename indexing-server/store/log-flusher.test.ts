import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'
import { LogFlusher } from './log-flusher.ts'

test('flushes after enough changes, one flush at a time, and is closed after the last', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'index.sqlite')
  await writeFile(`${path}-wal`, 'log')
  const flusher = new LogFlusher(path)
  const started = [1_999, 1, 2_000, 1].map((changes) => flusher.onCommitted(changes))
  expect(started).toEqual([false, true, false, false])
  await flusher[Symbol.asyncDispose]()
})

test('a log that is missing is not the flusher’s concern', async () => {
  await using folder = await temporaryFolder()
  const flusher = new LogFlusher(join(folder.path, 'missing.sqlite'))
  expect(flusher.onCommitted(2_000)).toBe(true)
  await flusher[Symbol.asyncDispose]()
  expect(flusher.onCommitted(2_000)).toBe(true)
  await flusher[Symbol.asyncDispose]()
})
