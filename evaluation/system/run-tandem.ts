import { execFile } from 'node:child_process'
import { tmpdir } from 'node:os'
import { fileURLToPath } from 'node:url'
import { systemClock } from '../../common/clock.ts'

const program = fileURLToPath(new URL('../../bin/tandem.js', import.meta.url))
/** Nothing that ends by itself takes so long; what hangs is killed. */
const deadlineMs = 30_000

/** How a command ended. */
export interface Ended {
  /** -1 when it was killed because it hung. */
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly seconds: number
}

/** Runs `tandem` with these words as a shell would, until it ends; in a folder without a config file. */
export async function runTandem(words: readonly string[]): Promise<Ended> {
  const startMs = systemClock.monotonicMs()
  const { promise, resolve } = Promise.withResolvers<Ended>()
  const options = { cwd: tmpdir(), timeout: deadlineMs, killSignal: 'SIGKILL' } as const
  const child = execFile(process.execPath, [program, ...words], options, (_, stdout, stderr) => {
    const seconds = (systemClock.monotonicMs() - startMs) / 1_000
    resolve({ code: child.exitCode ?? -1, stdout, stderr, seconds })
  })
  return await promise
}
