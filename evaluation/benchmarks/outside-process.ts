/** Programs that are not Tandem's. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { promisify } from 'node:util'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'

const run = promisify(execFile)
/** 8 GiB at 16 MiB/s; what takes longer hangs. */
const endDeadlineMs = 512_000
const listenDeadlineMs = 5_000
const lookEveryMs = 20

/** Runs a program to its end. @throws when it fails, with what it wrote */
export async function runToEnd(path: string, words: readonly string[]): Promise<string> {
  const { stdout } = await run(path, words, { timeout: endDeadlineMs, killSignal: 'SIGKILL' })
  return stdout
}

/**
 * Starts a program that stays in the foreground; resolves when it listens on `port` of this machine.
 * Disposing ends it.
 * @throws AppError DEADLINE_EXCEEDED
 */
export async function startListening(
  path: string,
  words: readonly string[],
  port: number,
): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const child = spawn(path, words, { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'close')
  starting.defer(async () => {
    child.kill()
    await ended
  })
  const deadline = { what: `Starting ${path}`, deadlineMs: listenDeadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while (!(await isListening(port))) await systemClock.sleep(lookEveryMs, signal)
  })
  return starting.move()
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Has the system write what it holds back, so that the next to write does not wait for it. */
export async function flushDisk(): Promise<void> {
  await runToEnd('sync', [])
}
