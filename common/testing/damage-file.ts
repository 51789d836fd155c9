import { execFile } from 'node:child_process'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from './temp-folder.ts'

/** Changes one bit of a file and restores its times exactly, as a failing disk does. */
export async function damageFile(path: string, position: number): Promise<void> {
  await using folder = await temporaryFolder()
  const times = join(folder.path, 'times')
  const run = promisify(execFile)
  await writeFile(times, '')
  await run('touch', ['-r', path, times])
  {
    await using file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, position)
    byte[0] = (byte[0] ?? 0) ^ 1
    await file.write(byte, 0, 1, position)
  }
  // Node.js has no nanoseconds for times.
  await run('touch', ['-r', times, path])
}
