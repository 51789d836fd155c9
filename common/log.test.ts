import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { type LogOptions, openLog } from './log.ts'
import { temporaryFolder } from './testing/temp-folder.ts'

const quiet: LogOptions = { name: 'peer1', level: 'info', format: 'auto', console: false }

test('lines go to the folder as JSON, from the level on, with errors and their causes', async () => {
  await using folder = await temporaryFolder()
  const path = join(folder.path, 'logs', 'peer1')
  {
    using opened = await openLog({ ...quiet, folder: path })
    const log = opened.log.child({ part: 'share' })
    log.debug('too fine')
    log.info({ name: 'a.txt' }, 'shared')
    log.error({ error: new Error('outer', { cause: new Error('inner') }) }, 'failed')
  }
  const lines = (await readFile(join(path, 'tandem.1.log'), 'utf8')).trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { level: 'info', time: anyTime, process: 'peer1', part: 'share', name: 'a.txt', msg: 'shared' },
    {
      level: 'error',
      time: anyTime,
      process: 'peer1',
      part: 'share',
      msg: 'failed',
      error: expect.objectContaining({ type: 'Error', message: 'outer: inner' }) as object,
    },
  ])
})
const anyTime = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string

test('closing twice closes once', async () => {
  await using folder = await temporaryFolder()
  const opened = await openLog({ ...quiet, folder: folder.path })
  opened[Symbol.dispose]()
  opened[Symbol.dispose]()
  expect(await readdir(folder.path)).toEqual(['tandem.1.log'])
})

test('a folder that cannot be written is refused', async () => {
  await using folder = await temporaryFolder()
  const file = join(folder.path, 'file')
  await writeFile(file, '')
  await expect(openLog({ ...quiet, folder: join(file, 'logs') })).rejects.toMatchObject({
    code: 'DISK_FAILED',
    details: { action: 'write the log to' },
  })
})

test.runIf(existsSync('/dev/full'))('a full disk stops the log and nothing else', async () => {
  await using folder = await temporaryFolder()
  await symlink('/dev/full', join(folder.path, 'tandem.1.log'))
  const opened = await openLog({ ...quiet, folder: folder.path })
  for (let count = 0; count < 10; count++) opened.log.info('lost')
  await new Promise(setImmediate)
  opened[Symbol.dispose]()
  opened[Symbol.dispose]()
  expect(await readdir(folder.path)).toEqual(['tandem.1.log'])
})

test.each([
  ['auto', /^$/, /"msg":"ready"/],
  ['json', /^$/, /"msg":"ready"/],
  ['pretty', /INFO.*: ready/, /^$/],
])('on the console of a container, %s looks like this', async (format, stderr, stdout) => {
  const source = `
    import { openLog } from ${JSON.stringify(new URL('log.ts', import.meta.url).href)}
    using opened = await openLog({ name: 'peer1', level: 'info', format: '${format}', console: true })
    opened.log.info('ready')`
  const written = await promisify(execFile)(process.execPath, [
    '--input-type=module-typescript',
    '--eval',
    source,
  ])
  expect(written.stderr).toMatch(stderr)
  expect(written.stdout).toMatch(stdout)
})

test('a log folder that is removed is made again with the next line', async () => {
  await using folder = await temporaryFolder()
  const logs = join(folder.path, 'logs')
  using opened = await openLog({ ...quiet, folder: logs })
  opened.log.info('before')
  await rm(logs, { recursive: true })
  opened.log.info('after')
  expect(await readFile(join(logs, 'tandem.1.log'), 'utf8')).toMatch(/"msg":"after"/)
})
