import {
  closeSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

export interface LogFileOptions {
  /** Created if absent. */
  readonly folder: string
  /** At this size the next file is started. */
  readonly bytesMax: number
  /** Including the current one; the oldest are removed. */
  readonly filesMax: number
}

interface LogFileDependencies {
  /** Called for the first of several lines in a row that cannot be written. */
  onError(error: unknown): void
}

const pattern = /^tandem\.(\d+)\.log$/

/**
 * Log files of a bounded size, `tandem.N.log`; the highest N is current. Lines are written synchronously,
 * so that a crash loses none; a line that cannot be written is dropped.
 *
 * Not pino-roll: it loads all of date-fns, which costs every process 8 MB and 70 ms.
 */
export class LogFile implements Disposable {
  readonly #options: LogFileOptions
  readonly #dependencies: LogFileDependencies
  #number: number
  #descriptor: number | undefined
  #bytes = 0
  /** Whether the last line was written partially: the next one starts with a line feed. */
  #isTorn = false
  #isFailing = false
  #isClosed = false

  private constructor(options: LogFileOptions, dependencies: LogFileDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    mkdirSync(options.folder, { recursive: true })
    this.#number = Math.max(1, ...numbersIn(options.folder))
    this.#reopen(this.#number)
  }

  /** @throws the operating system's error when the folder cannot be created or the file not opened */
  static open(options: LogFileOptions, dependencies: LogFileDependencies): LogFile {
    return new LogFile(options, dependencies)
  }

  /** @param line with its line feed. If the file or its folder was removed, it is created again. */
  write(line: string): void {
    if (this.#isClosed) return
    try {
      if (this.#bytes >= this.#options.bytesMax) this.#roll()
      else if (this.#descriptor === undefined || !existsSync(this.#pathOf(this.#number)))
        this.#reopen(this.#number)
      this.#writeAll(Buffer.from(this.#isTorn ? `\n${line}` : line))
      this.#isFailing = false
    } catch (error) {
      const wasFailing = this.#isFailing
      this.#isFailing = true
      // It may log a line itself, which ends up here again.
      if (!wasFailing) this.#dependencies.onError(error)
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true
    this.#close()
  }

  #pathOf(number: number): string {
    return join(this.#options.folder, `tandem.${number}.log`)
  }

  #writeAll(bytes: Buffer): void {
    for (let written = 0; written < bytes.length; ) {
      const count = writeSync(this.#descriptor ?? -1, bytes, written)
      written += count
      this.#bytes += count
      this.#isTorn = written < bytes.length
    }
  }

  #roll(): void {
    this.#reopen(this.#number + 1)
    for (const number of numbersIn(this.#options.folder))
      if (number <= this.#number - this.#options.filesMax)
        rmSync(this.#pathOf(number), { force: true })
  }

  #close(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    if (descriptor !== undefined) closeSync(descriptor)
  }

  /** Throws without changing which file is current. */
  #reopen(number: number): void {
    this.#close()
    mkdirSync(this.#options.folder, { recursive: true })
    this.#descriptor = openSync(this.#pathOf(number), 'a')
    this.#number = number
    this.#bytes = fstatSync(this.#descriptor).size
    this.#isTorn = false
  }
}

function numbersIn(folder: string): number[] {
  return readdirSync(folder).flatMap((name) => Number(pattern.exec(name)?.[1] ?? []))
}
