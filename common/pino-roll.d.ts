/** pino-roll ships no types: the part of it that Tandem uses. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'

  export interface RollOptions {
    /** Path without number and extension: `logs/tandem` becomes `logs/tandem.1.log`. */
    readonly file: string
    readonly extension: string
    /** Mebibytes with their unit, `10m`. A fuller file is followed by one with the next number. */
    readonly size: string
    readonly limit: {
      /** Files kept, the current one among them if those of earlier runs count as well. */
      readonly count: number
      /** Whether files of earlier runs count as well. */
      readonly removeOtherLogFiles: boolean
    }
    readonly mkdir: boolean
    /** Whether each line is in the file when `write` returns. */
    readonly sync: boolean
    /** Bytes that may wait to be written. */
    readonly maxLength: number
  }

  export interface RollingFile extends EventEmitter {
    write(line: string): boolean
    /** The file that is written now. */
    readonly file: string
    /** Opens the file again, made if it is gone. */
    reopen(): void
    /** Writes what waits, then closes. */
    end(): void
    /** Closes at once. */
    destroy(): void
  }

  const roll: (options: RollOptions) => Promise<RollingFile>
  export default roll
}
