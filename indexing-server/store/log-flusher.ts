import { type FileHandle, open } from 'node:fs/promises'

/** Changes after which the log is flushed: as many as a large announcement has. */
const changesPerFlush = 2_000

/**
 * Flushes the write-ahead log of a database to the disk while commits continue. They do not need
 * it; but the database flushes the log before it copies it, and nothing else runs meanwhile: with
 * little left to write, that takes half as long.
 */
export class LogFlusher implements AsyncDisposable {
  readonly #path: string
  #log: FileHandle | undefined
  #changes = 0
  #flushing: Promise<void> | undefined

  /** @param path of the database file */
  constructor(path: string) {
    this.#path = `${path}-wal`
  }

  /** Changes were committed. @returns whether a flush begins */
  onCommitted(changes: number): boolean {
    this.#changes += changes
    if (this.#changes < changesPerFlush || this.#flushing !== undefined) return false
    this.#changes = 0
    this.#flushing = this.#flush()
    return true
  }

  async #flush(): Promise<void> {
    try {
      this.#log ??= await open(this.#path, 'r+')
      await this.#log.datasync()
    } catch {
      // The database reports what cannot be written when it flushes the log itself.
    } finally {
      this.#flushing = undefined
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#flushing
    await this.#log?.close()
  }
}
