import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { temporaryFolder } from '../../common/testing/temp-folder.ts'

const run = promisify(execFile)

/**
 * A folder on its own disk of the given size; undefined if this process may not mount one.
 * Disposing removes both.
 */
export async function mountSmallDisk(
  bytes: number,
): Promise<({ path: string } & AsyncDisposable) | undefined> {
  await using stack = new AsyncDisposableStack()
  const { path } = stack.use(await temporaryFolder())
  try {
    await run('mount', ['-t', 'tmpfs', '-o', `size=${bytes}`, 'tmpfs', path])
  } catch {
    return undefined
  }
  stack.defer(async () => void (await run('umount', [path])))
  const mounted = stack.move()
  return { path, [Symbol.asyncDispose]: () => mounted.disposeAsync() }
}
