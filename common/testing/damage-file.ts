import { execFile } from 'node:child_process'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'

/** Changes one bit of a file and restores its times exactly, as a failing disk does. */
export async function damageFile(path: string, position: number): Promise<void> {
  const reference = `${path}.times`
  const run = promisify(execFile)
  await using times = await open(reference, 'w')
  await run('touch', ['-r', path, reference])
  {
    await using file = await open(path, 'r+')
    const byte = Buffer.alloc(1)
    await file.read(byte, 0, 1, position)
    byte[0] = (byte[0] ?? 0) ^ 1
    await file.write(byte, 0, 1, position)
  }
  await run('touch', ['-r', reference, path])
  await run('rm', [reference])
  await times.close()
}
