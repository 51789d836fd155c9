/** The properties that clients store with files and folders of this peer: on disk, bounded. */
import type { Statement } from 'better-sqlite3'
import type { Clock } from '../../../common/clock.ts'
import { diskError } from '../../../common/disk-error.ts'
import { reasonOf } from '../../../common/errors.ts'
import type { Log } from '../../../common/log.ts'
import { ReplaceableDatabase } from '../../../common/replace-database.ts'
import type { Database } from '../../../common/sqlite.ts'
import type { QualifiedName } from './dav-xml.ts'

export interface DeadProperty extends QualifiedName {
  /** The whole element. */
  readonly xml: string
}

/** A change of one property; without `xml` it is removed. */
export type PropertyChange = QualifiedName & { readonly xml?: string }

/** Windows stores four short ones per file. */
export const propertiesPerNameMax = 64
export const propertyCharactersMax = 8_192
/** Of all names, some 200 bytes each; beyond it the oldest are forgotten. */
const propertiesMax = 100_000
/** Pause after the database could not be opened: that blocks the thread for up to two seconds. */
const retryMs = 10_000

const migrations = [
  `CREATE TABLE properties (
     id INTEGER PRIMARY KEY,
     name TEXT NOT NULL,
     namespace TEXT NOT NULL,
     local TEXT NOT NULL,
     xml TEXT NOT NULL,
     UNIQUE (name, namespace, local)
   ) STRICT`,
]

type Key = [name: string, namespace: string, local: string]
type Range = { name: string; from: string; to: string }

interface Statements {
  readonly of: Statement<[string], { namespace: string; local: string; xml: string }>
  readonly put: Statement<[...Key, string]>
  readonly remove: Statement<Key>
  readonly removeBelow: Statement<[Range]>
  readonly copyBelow: Statement<[Range & { other: string; start: number }]>
  readonly prune: Statement<[number]>
}

const isInside = '(name = :name OR (name >= :from AND name < :to))'

interface Dependencies {
  readonly clock: Pick<Clock, 'monotonicMs'>
  readonly log: Log
}

/**
 * They are less than the files: while the database fails, files are written and moved without their
 * properties, which is logged, and only a change of properties is refused.
 */
export class DeadProperties implements Disposable {
  readonly #path: string
  readonly #clock: Dependencies['clock']
  readonly #log: Log
  #opened: ReplaceableDatabase<Statements> | undefined
  #notOpened: { readonly error: unknown; readonly untilMs: number } | undefined
  #isFailing = false

  /** The database is opened, and created, by its first use; a damaged one is moved aside, whenever it is found. */
  constructor(path: string, { clock, log }: Dependencies) {
    this.#path = path
    this.#clock = clock
    this.#log = log
  }

  /** None while the database fails. */
  of(name: string): DeadProperty[] {
    const read = ({ of }: Statements): DeadProperty[] =>
      of.all(name).map(({ namespace, local, xml }) => ({ namespace, name: local, xml }))
    return this.#orLog(() => this.#run(read)) ?? []
  }

  /**
   * Makes all of these changes or none.
   * @returns whether they were made: not if the name would have too many properties
   * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE, DISK_FULL, DISK_FAILED
   */
  change(name: string, changes: readonly PropertyChange[]): boolean {
    return this.#transact((statements) => {
      for (const { namespace, name: local, xml } of changes)
        if (xml === undefined) statements.remove.run(name, namespace, local)
        else statements.put.run(name, namespace, local, xml)
      if (statements.of.all(name).length > propertiesPerNameMax) throw new TooMany()
      statements.prune.run(propertiesMax)
    })
  }

  /** Those of a name and of everything below it. */
  remove(name: string): void {
    this.#orLog(() => this.#transact(({ removeBelow }) => removeBelow.run(rangeOf(name))))
  }

  /** A file or folder is copied or, with `moves`, moved to a name that had nothing. */
  copy(from: string, to: string, { moves }: { readonly moves: boolean }): void {
    const work = ({ removeBelow, copyBelow, prune }: Statements): void => {
      removeBelow.run(rangeOf(to))
      copyBelow.run({ ...rangeOf(from), other: to, start: from.length + 1 })
      if (moves) removeBelow.run(rangeOf(from))
      prune.run(propertiesMax)
    }
    this.#orLog(() => this.#transact(work))
  }

  [Symbol.dispose](): void {
    this.#opened?.[Symbol.dispose]()
    this.#opened = undefined
  }

  #transact(work: (statements: Statements) => void): boolean {
    return this.#run((statements, database) => {
      try {
        database.transaction(() => work(statements))()
        return true
      } catch (error) {
        if (error instanceof TooMany) return false
        throw error
      }
    })
  }

  /** For what is done besides: a failure is logged once, until it works again. */
  #orLog<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      if (!this.#isFailing)
        this.#log.warn(
          { path: this.#path, reason: reasonOf(error) },
          'the properties that WebDAV clients store cannot be read or written',
        )
      this.#isFailing = true
      return undefined
    }
  }

  #open(): ReplaceableDatabase<Statements> {
    if (this.#opened !== undefined) return this.#opened
    const nowMs = this.#clock.monotonicMs()
    if (this.#notOpened !== undefined && nowMs < this.#notOpened.untilMs)
      throw this.#notOpened.error
    try {
      this.#opened = new ReplaceableDatabase(this.#path, { migrations, prepare, log: this.#log })
      this.#notOpened = undefined
      return this.#opened
    } catch (error) {
      this.#notOpened = { error, untilMs: nowMs + retryMs }
      throw error
    }
  }

  #run<T>(work: (statements: Statements, database: Database) => T): T {
    const opened = this.#open()
    try {
      const result = opened.run(work)
      this.#isFailing = false
      return result
    } catch (error) {
      throw diskError({ action: 'write', path: this.#path, neededBytes: 1 }, error)
    }
  }
}

class TooMany extends Error {}

function rangeOf(name: string): Range {
  // '0' follows '/'.
  return { name, from: `${name}/`, to: `${name}0` }
}

function prepare(database: Database): Statements {
  const statements = {
    of: database.prepare('SELECT namespace, local, xml FROM properties WHERE name = ? ORDER BY id'),
    put: database.prepare(
      `INSERT INTO properties (name, namespace, local, xml) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET xml = excluded.xml`,
    ),
    remove: database.prepare(
      'DELETE FROM properties WHERE name = ? AND namespace = ? AND local = ?',
    ),
    removeBelow: database.prepare(`DELETE FROM properties WHERE ${isInside}`),
    copyBelow: database.prepare(
      `INSERT INTO properties (name, namespace, local, xml)
       SELECT :other || substr(name, :start), namespace, local, xml
       FROM properties WHERE ${isInside} ORDER BY id`,
    ),
    prune: database.prepare(
      `DELETE FROM properties WHERE id <=
       (SELECT id FROM properties ORDER BY id DESC LIMIT 1 OFFSET ?)`,
    ),
  }
  return statements as Statements
}
