/** Programs that are not part of Tandem. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { systemClock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { commandOn, type ProcessHost } from '../system/process-host.ts'

const run = promisify(execFile)
/** 8 GiB at 16 MiB/s; anything longer has hung. */
const endDeadlineMs = 512_000
const listenDeadlineMs = 5_000
const lookEveryMs = 20

/** Runs a program to its end, on `host` if given. @throws if it fails, with its output */
export async function runToEnd(
  path: string,
  words: readonly string[],
  host?: ProcessHost,
): Promise<string> {
  const options = { timeout: endDeadlineMs, killSignal: 'SIGKILL' } as const
  const { stdout } = await run(...commandOn(host, path, words), options)
  return stdout
}

/**
 * Starts a foreground program, on `host` if given; resolves when `port` is listening there.
 * Disposing ends it.
 * @throws AppError DEADLINE_EXCEEDED, or an error if it ends instead
 */
export async function startListening(
  path: string,
  words: readonly string[],
  { port, host }: { port: number; host?: ProcessHost },
): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack()
  const child = spawn(...commandOn(host, path, words), { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(child, 'close')
  starting.defer(async () => {
    child.kill()
    await ended
  })
  const deadline = { what: `Starting ${path}`, deadlineMs: listenDeadlineMs }
  await withDeadline(deadline, systemClock, async (signal) => {
    while (!(await isListening(Number(child.pid), port)))
      await systemClock.sleep(lookEveryMs, signal)
  })
  return starting.move()
}

/** Whether the port is listening in the network of that process. Linux only. */
async function isListening(pid: number, port: number): Promise<boolean> {
  const listening = new RegExp(
    `^ *\\d+: \\w+:${port.toString(16).padStart(4, '0')} \\w+:\\w+ 0A `,
    'im',
  )
  for (const table of ['tcp', 'tcp6'])
    if (listening.test(await readFile(`/proc/${pid}/net/${table}`, 'utf8'))) return true
  return false
}

/** Flushes all pending writes of the system, so that the next writer does not wait for them. */
export async function flushDisk(): Promise<void> {
  await runToEnd('sync', [])
}
