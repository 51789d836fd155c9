import { AppError, reasonOf, systemErrorCode } from '../common/errors.ts'

/**
 * Runs what a script does. When it fails, the exit code becomes 1 and stderr says why: in one
 * sentence when the world is to blame, with the stack when the script is.
 */
export async function runScript(main: () => Promise<void>): Promise<void> {
  try {
    await main()
  } catch (error) {
    process.exitCode = 1
    const expected = error instanceof AppError || systemErrorCode(error) !== undefined
    console.error(expected ? `error: ${reasonOf(error)}` : error)
  }
}
