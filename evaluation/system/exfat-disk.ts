import { execFile } from 'node:child_process'
import { truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'

const run = promisify(execFile)
/** Sparse; an index reserves 256 MiB. */
const diskBytes = 2 ** 30

/**
 * A folder on an exFAT disk, which is case-insensitive, refuses `what?`, and has no links.
 * Undefined if this process may not mount one, or mkfs.exfat and exfat-fuse are missing. Disposing
 * removes it.
 */
export async function mountExfatDisk(): Promise<({ path: string } & AsyncDisposable) | undefined> {
  await using stack = new AsyncDisposableStack()
  const { path: folder } = stack.use(await temporaryFolder())
  const { path } = stack.use(await temporaryFolder())
  const image = join(folder, 'image')
  await writeFile(image, '')
  await truncate(image, diskBytes)
  try {
    await run('mkfs.exfat', [image])
    const device = (await run('losetup', ['--find', '--show', image])).stdout.trim()
    stack.defer(async () => void (await run('losetup', ['--detach', device])))
    await run('mount.exfat-fuse', [device, path])
  } catch {
    return undefined
  }
  stack.defer(async () => void (await run('umount', ['--lazy', path])))
  const mounted = stack.move()
  return { path, [Symbol.asyncDispose]: () => mounted.disposeAsync() }
}
