/** The life of a process: log, ready line, signals, and an awaited shutdown. */
import { flushCompileCache } from 'node:module'
import type { Clock } from './clock.ts'
import { interrupted } from './interrupted.ts'
import { isForMachines, type Log, type LogFormat, type LogLevel, openLog } from './log.ts'

/** Time from SIGTERM until the process ends: a container must stop within 2 s. */
export const shutdownMs = 1_500

export interface ProcessOptions {
  /** Appears in every log line and names the folder of the log files. */
  readonly name: string
  readonly log: {
    readonly level: LogLevel
    readonly format: LogFormat
    readonly folder: string | undefined
  }
  /** Whether a prompt owns the terminal; the log then goes to files only. */
  readonly hasPrompt: boolean
  /** Whether only programs read stdout: then it carries only the log, if that is JSON. */
  readonly isHeadless: boolean
}

export interface ProcessContext {
  readonly log: Log
  /** Owns what was started; disposed in reverse order. */
  readonly stack: AsyncDisposableStack
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly stop: AbortSignal
  /** Resolves when `stop` is aborted. */
  readonly stopped: Promise<void>
  /** Announces to people and programs that the process is ready. */
  readonly ready: (sentence: string, details: Readonly<Record<string, unknown>>) => void
}

/**
 * Runs `work` with a log, and disposes what it started when it returns or throws. After
 * `shutdownMs` the process ends with whatever still runs.
 * @throws errors of `work` or of opening the log
 */
export async function runProcess(
  options: ProcessOptions,
  { clock }: { clock: Clock },
  work: (context: ProcessContext) => Promise<void>,
): Promise<void> {
  using interruption = interrupted()
  using opened = await openLog({
    name: options.name,
    level: options.log.level,
    format: options.log.format,
    console: !options.hasPrompt,
    ...(options.log.folder === undefined
      ? {}
      : { folder: `${options.log.folder}/${options.name}` }),
  })
  const { log } = opened
  const stack = new AsyncDisposableStack()
  const ready = (sentence: string, details: Readonly<Record<string, unknown>>): void => {
    const { format } = options.log
    log.info(details, 'ready')
    // Otherwise only a clean exit saves the compile cache; processes that start meanwhile would
    // compile everything again, which takes 40 MB and half a second.
    flushCompileCache()
    const isForPrograms = options.isHeadless ? isForMachines(format) : format === 'json'
    if (options.hasPrompt || !isForPrograms) process.stdout.write(`${sentence}\n`)
  }
  try {
    await work({ log, stack, stop: interruption.signal, stopped: interruption.happened, ready })
  } finally {
    log.info('stopping')
    clock.after(shutdownMs, () => {
      log.error('not everything ended in time')
      // oxlint-disable-next-line no-restricted-properties -- the last resort
      process.exit(1)
    })
    await stack[Symbol.asyncDispose]()
  }
}
