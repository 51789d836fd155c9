import pino from 'pino'
import { AppError, reasonOf } from './errors.ts'
import { LogFile } from './log-file.ts'

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

/** An editor opens 10 MiB easily, and 50 MiB hold days of normal running. */
const fileBounds = { bytesMax: 10 * 2 ** 20, filesMax: 5 } as const

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
export async function openLog(options: LogOptions): Promise<{ log: Log } & Disposable> {
  const onError = (error: unknown): void => log.error({ error }, 'the log file cannot be written')
  const file = options.folder === undefined ? undefined : openLogFile(options.folder, onError)
  const streams: pino.DestinationStream[] = []
  if (options.console) streams.push(await consoleStream(options.format))
  if (file !== undefined) streams.push({ write: (line) => file.write(line) })
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
  return { log, [Symbol.dispose]: () => file?.[Symbol.dispose]() }
}

/** Whether this format writes JSON lines to stdout, which then must carry nothing else. */
export function isForMachines(format: LogFormat): boolean {
  return format === 'json' || (format === 'auto' && !process.stdout.isTTY)
}

/** Both kinds write synchronously, and stop silently when the reader is gone (EPIPE). */
async function consoleStream(format: LogFormat): Promise<pino.DestinationStream> {
  if (isForMachines(format)) return pino.destination({ dest: process.stdout.fd, sync: true })
  const stderr = pino.destination({ dest: process.stderr.fd, sync: true })
  const { prettyFactory } = await import('pino-pretty')
  const prettify = prettyFactory({
    colorize: process.stderr.isTTY && process.stderr.hasColors(),
    translateTime: 'SYS:HH:MM:ss.l',
    ignore: 'process',
  })
  return { write: (line) => stderr.write(prettify(line)) }
}

function openLogFile(folder: string, onError: (error: unknown) => void): LogFile {
  try {
    return LogFile.open({ folder, ...fileBounds }, { onError })
  } catch (error) {
    const details = { action: 'write the log to', path: folder, reason: reasonOf(error) }
    throw new AppError('DISK_FAILED', details, { cause: error })
  }
}
