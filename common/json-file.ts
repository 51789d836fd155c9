import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Static, TSchema } from 'typebox'
import { Value } from 'typebox/value'
import { diskError } from './disk-error.ts'
import { reasonOf, systemErrorCode } from './errors.ts'
import type { Log } from './log.ts'
import { SerialQueue } from './serial-queue.ts'

/** A small value that outlives the process, as a file of JSON. Without a path it is kept nowhere. */
export class JsonFile<Schema extends TSchema> {
  readonly #path: string | undefined
  readonly #schema: Schema
  readonly #log: Log
  readonly #writes = new SerialQueue()

  constructor(
    options: { readonly path: string | undefined; readonly schema: Schema },
    { log }: { log: Log },
  ) {
    this.#path = options.path
    this.#schema = options.schema
    this.#log = log
  }

  /** The value; undefined if there is none, or it cannot be read or is invalid, which is logged. */
  async read(): Promise<Static<Schema> | undefined> {
    const path = this.#path
    if (path === undefined) return undefined
    try {
      const remembered: unknown = JSON.parse(await readFile(path, 'utf8'))
      if (Value.Check(this.#schema, remembered))
        return Value.Clean(this.#schema, remembered) as Static<Schema>
      this.#log.warn({ path }, 'discarding a file of settings: it is invalid')
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT')
        this.#log.warn({ path, reason: reasonOf(error) }, 'a file of settings cannot be read')
    }
    return undefined
  }

  /** Replaces the value, atomically. @throws AppError DISK_FULL, DISK_FAILED */
  async write(value: Static<Schema>): Promise<void> {
    await this.#writes.run(() => this.#write(JSON.stringify(value)))
  }

  async #write(text: string): Promise<void> {
    const path = this.#path
    if (path === undefined) return
    const beside = `${path}.new`
    try {
      await mkdir(dirname(path), { recursive: true })
      {
        await using file = await open(beside, 'w')
        await file.writeFile(text)
        await file.sync()
      }
      await rename(beside, path)
    } catch (error) {
      await rm(beside, { force: true }).catch(() => {})
      throw diskError({ action: 'write', path, neededBytes: text.length }, error)
    }
  }
}
