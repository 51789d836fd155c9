/** The life of a process: its log, its ready line, its signals, and an end that is waited for. */
import { flushCompileCache } from 'node:module'
import type { Clock } from './clock.ts'
import { interrupted } from './interrupted.ts'
import { deadlines } from './limits.ts'
import { isForMachines, type Log, type LogFormat, type LogLevel, openLog } from './log.ts'

export interface ProcessOptions {
  /** In every log line, and the folder of its log files. */
  readonly name: string
  readonly log: {
    readonly level: LogLevel
    readonly format: LogFormat
    readonly folder: string | undefined
  }
  /** Whether a prompt owns the terminal; the log then goes to files only. */
  readonly hasPrompt: boolean
  /** Whether nobody reads stdout but programs: it is then the log's alone, if that is JSON. */
  readonly isHeadless: boolean
}

export interface ProcessContext {
  readonly log: Log
  /** Takes what was started; it is disposed in reverse. */
  readonly stack: AsyncDisposableStack
  /** Aborted by SIGINT, SIGTERM or SIGHUP. */
  readonly stop: AbortSignal
  /** Resolves then. */
  readonly stopped: Promise<void>
  /** Tells whoever waits for it, person or program, that the process does its work now. */
  readonly ready: (sentence: string, details: Readonly<Record<string, unknown>>) => void
}

/**
 * Runs `work` with a log, and disposes what it started when it returns or throws. What has not ended
 * `deadlines.shutdownMs` later is ended with the process.
 * @throws what `work` or opening the log throws
 */
export async function runProcess(
  options: ProcessOptions,
  { clock }: { clock: Clock },
  work: (context: ProcessContext) => Promise<void>,
): Promise<void> {
  using interruption = interrupted()
  await using opened = await openLog({
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
    // Else only a process that ends in good order leaves what it compiled: the next one to start meanwhile
    // would compile all of it, too, which takes 40 MB and half a second.
    flushCompileCache()
    const isForPrograms = options.isHeadless ? isForMachines(format) : format === 'json'
    if (options.hasPrompt || !isForPrograms) process.stdout.write(`${sentence}\n`)
  }
  try {
    await work({ log, stack, stop: interruption.signal, stopped: interruption.happened, ready })
  } finally {
    log.info('stopping')
    clock.after(deadlines.shutdownMs, () => {
      log.error('not everything ended in time')
      // oxlint-disable-next-line no-restricted-properties -- nothing else helped
      process.exit(1)
    })
    await stack[Symbol.asyncDispose]()
  }
}
