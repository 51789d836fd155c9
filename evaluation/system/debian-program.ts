import { execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** Another installation may hold the lock. */
const lockSeconds = 180

/**
 * The path of a program of a Debian package, which is installed if it is missing and this user may. A test
 * that needs it is not skipped.
 * @throws Error that says what to install
 */
export async function debianProgram(path: string, name: string): Promise<string> {
  if (await isExecutable(path)) return path
  try {
    // The list of packages may be older than the package on the server.
    await aptGet('install', '--no-install-recommends', name).catch(async () => {
      await aptGet('update')
      await aptGet('install', '--no-install-recommends', name)
    })
  } catch (error) {
    throw new Error(`${path} not found: apt-get install ${name}`, { cause: error })
  }
  return path
}

async function aptGet(...words: readonly string[]): Promise<void> {
  const env = { DEBIAN_FRONTEND: 'noninteractive', PATH: '/usr/sbin:/usr/bin:/sbin:/bin' }
  const options = ['--yes', '-o', `DPkg::Lock::Timeout=${lockSeconds}`]
  await run('/usr/bin/apt-get', [...options, ...words], { env })
}

async function isExecutable(path: string): Promise<boolean> {
  return await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}
