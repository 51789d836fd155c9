import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('../../bin/tandem.js', import.meta.url))
/** No command takes this long, even on a busy machine; one that does has hung and is killed. */
const deadlineMs = 60_000

/** How a command ended. */
export interface Ended {
  /** -1 if it hung and was killed. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * Runs `tandem` with these words like a shell, until it ends; in a folder without a config file.
 */
export async function runTandem(words: readonly string[]): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const options = { cwd: tmpdir(), timeout: deadlineMs, killSignal: 'SIGKILL' } as const
  const child = execFile(process.execPath, [program, ...words], options, (_, stdout, stderr) =>
    resolve({ code: child.exitCode ?? -1, stdout, stderr }),
  )
  return await promise
}
