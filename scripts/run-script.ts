import { AppError, reasonOf, systemErrorCode } from '../common/errors.ts'
import { keepAlive } from './keep-alive.ts'

/**
 * Runs a script. On failure it sets the exit code to 1 and explains on stderr: in one sentence for
 * an operational error, with the stack for a program error.
 */
export async function runScript(main: () => Promise<void>): Promise<void> {
  using _alive = keepAlive()
  try {
    await main()
  } catch (error) {
    process.exitCode = 1
    const isExpected = error instanceof AppError || systemErrorCode(error) !== undefined
    console.error(isExpected ? `error: ${reasonOf(error)}` : error)
  }
}
