/** pino-roll ships no types: declares the part that Tandem uses. */
declare module 'pino-roll' {
  import type { EventEmitter } from 'node:events'

  export interface RollOptions {
    /** Path without number and extension: `logs/tandem` becomes `logs/tandem.1.log`. */
    readonly file: string
    readonly extension: string
    /** Mebibytes with their unit, `10m`. A fuller file is followed by one with the next number. */
    readonly size: string
    readonly limit: {
      /**
       * Files kept, including the current one; those of earlier runs if `removeOtherLogFiles` is
       * set.
       */
      readonly count: number
      /** Whether files of earlier runs count, too. */
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
    /** The current file. */
    readonly file: string
    /** Opens the file again, creating it if it is gone. */
    reopen(): void
    /** Writes the backlog, then closes. */
    end(): void
    /** Closes immediately. */
    destroy(): void
  }

  const roll: (options: RollOptions) => Promise<RollingFile>
  export default roll
}
