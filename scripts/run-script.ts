import { AppError, reasonOf, systemErrorCode } from '../common/errors.ts'

/**
 * Runs a script. On failure it sets the exit code to 1 and explains on stderr: in one sentence for
 * an operational error, with the stack for a program error.
 */
export async function runScript(main: () => Promise<void>): Promise<void> {
  // A timer of the clock does not keep the process alive while `main` sleeps; an open port does.
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
