import { renameSync, rmSync, statSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { dirname } from 'node:path'
import { makeFolderAgain } from '../../common/make-folder.ts'
import type { Database } from '../../common/sqlite.ts'

/**
 * The file of an open catalog. If it is deleted, its data remains in the open file and is written
 * to a new file at the path. Another file at the path is left unchanged.
 */
export class CatalogDiskFile {
  readonly #path: string
  readonly #database: Database
  readonly #inode: number
  readonly #device: number
  /** The copy that was written to the path, and the last change in it. */
  #copy: { readonly inode: number; readonly lastSeq: number } | undefined

  constructor(path: string, database: Database) {
    this.#path = path
    this.#database = database
    const { ino, dev } = statSync(path)
    this.#inode = ino
    this.#device = dev
  }

  /**
   * Writes a copy if the file was removed, or if the copy lacks changes up to `lastSeq`.
   * @returns whether the file at the path is not the one that is open
   * @throws what the disk or SQLite does
   */
  keep(lastSeq: number): boolean {
    const there = statSync(this.#path, { throwIfNoEntry: false })?.ino
    if (there === this.#inode && this.#copy === undefined) return false
    const isOutdated = there === this.#copy?.inode && this.#copy?.lastSeq !== lastSeq
    if (there === undefined || isOutdated) this.#write(lastSeq)
    return true
  }

  /** Resolves when everything committed before survives a power cut. @throws errors of the disk */
  async sync(): Promise<void> {
    // Only the log may be opened beside SQLite: closing a descriptor of the database would release
    // its locks.
    await using log = await open(`${this.#path}-wal`)
    await log.datasync()
  }

  #write(lastSeq: number): void {
    const path = this.#path
    makeFolderAgain(dirname(path), this.#device)
    rmSync(`${path}.new`, { force: true })
    this.#database.prepare('VACUUM INTO ?').run(`${path}.new`)
    // The log of the deleted file must not be mistaken for one of the new file.
    rmSync(`${path}-wal`, { force: true })
    renameSync(`${path}.new`, path)
    this.#copy = { inode: statSync(path).ino, lastSeq }
  }
}
