import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import pino from 'pino'
import { prettyFactory } from 'pino-pretty'
import roll, { type RollingFile } from 'pino-roll'
import { AppError, reasonOf } from './errors.ts'
import { limits } from './limits.ts'

/** The logging interface: constant text and an object; the level says who must act. */
export type Log = Pick<pino.Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'child'>

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/**
 * `json`: lines on stdout, for programs. `pretty`: on stderr, for people. `auto`: `pretty` if
 * stdout is a terminal.
 */
export const logFormats = ['auto', 'json', 'pretty'] as const
export type LogFormat = (typeof logFormats)[number]

export interface LogOptions {
  /** The process, in every line: `index` or a peer's id. */
  readonly name: string
  readonly level: LogLevel
  readonly format: LogFormat
  /** False while a prompt owns the terminal: then only files are written. */
  readonly console: boolean
  /** Folder for `tandem.1.log`, …, created if absent. Without it no file is written. */
  readonly folder?: string
}

/**
 * Opens the log of a process. Lines are written synchronously, so that a crash loses none;
 * disposing closes the file. A failing log file does not stop the process.
 * @throws AppError DISK_FAILED if the folder cannot be created or written
 */
export async function openLog(options: LogOptions): Promise<{ log: Log } & AsyncDisposable> {
  const file = options.folder === undefined ? undefined : await openLogFile(options.folder)
  const streams: pino.DestinationStream[] = []
  if (options.console) streams.push(consoleStream(options.format))
  if (file !== undefined) streams.push({ write: (line) => writeTo(file, line) })
  const log = pino(
    {
      level: options.level,
      base: { process: options.name },
      errorKey: 'error',
      serializers: { error: pino.stdSerializers.err },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // The logger filters by level; without a level the streams would drop lines below info.
    pino.multistream(streams.map((stream) => ({ stream, level: 'trace' }))),
  )
  file?.once('error', (error) => log.error({ error }, 'the log file cannot be written'))
  let closed: Promise<void> | undefined
  return { log, [Symbol.asyncDispose]: () => (closed ??= closeLogFile(file)) }
}

/** Whether this format writes JSON lines to stdout, which then must carry nothing else. */
export function isForMachines(format: LogFormat): boolean {
  return format === 'json' || (format === 'auto' && !process.stdout.isTTY)
}

/** Both kinds write synchronously, and stop silently when the reader is gone (EPIPE). */
function consoleStream(format: LogFormat): pino.DestinationStream {
  if (isForMachines(format)) return pino.destination({ dest: process.stdout.fd, sync: true })
  const stderr = pino.destination({ dest: process.stderr.fd, sync: true })
  const prettify = prettyFactory({
    colorize: process.stderr.isTTY && process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'process',
  })
  return { write: (line) => stderr.write(prettify(line)) }
}

async function openLogFile(folder: string): Promise<RollingFile> {
  try {
    const file = await roll({
      file: join(folder, 'tandem'),
      extension: '.log',
      size: `${limits.logFileMebibytes}m`,
      limit: { count: limits.logFilesKept, removeOtherLogFiles: true },
      mkdir: true,
      sync: true,
      // The backlog of a full disk is bounded; further lines are dropped.
      maxLength: limits.logWaitingBytesMax,
    })
    // Without a listener an error of the log would end the process.
    return file.on('error', () => undefined)
  } catch (error) {
    const details = { action: 'write the log to', path: folder, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}

/** Writes a line even if the file or its folder was removed meanwhile. */
function writeTo(file: RollingFile, line: string): void {
  if (!existsSync(file.file)) file.reopen()
  file.write(line)
}

async function closeLogFile(file: RollingFile | undefined): Promise<void> {
  if (file === undefined) return
  try {
    const closed = once(file, 'close')
    file.end()
    await closed
  } catch {
    // Its last lines could not be written: `once` rejects on 'error'.
    file.destroy()
  }
}
