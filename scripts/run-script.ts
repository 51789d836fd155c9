import { AppError, reasonOf, systemErrorCode } from '../common/errors.ts'

/**
 * Runs what a script does. When it fails, the exit code becomes 1 and stderr says why: in one
 * sentence when the world is to blame, with the stack when the script is.
 */
export async function runScript(main: () => Promise<void>): Promise<void> {
  // A clock's timer does not keep the process alive while `main` sleeps; an open port does.
  const { port1: keepsAlive } = new MessageChannel()
  keepsAlive.ref()
  try {
    await main()
  } catch (error) {
    process.exitCode = 1
    const isExpected = error instanceof AppError || systemErrorCode(error) !== undefined
    console.error(isExpected ? `error: ${reasonOf(error)}` : error)
  } finally {
    keepsAlive.close()
  }
}
