import { existsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import type { Log } from '../../common/log.ts'
import { makeFolderAgain } from '../../common/make-folder.ts'
import { Content } from '../../common/protocol/shapes.ts'
import { openOrReplace } from '../../common/replace-database.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { DownloadRequest, StartedBy } from '../api/download-shapes.ts'

const Background = Type.Object({
  startedBy: StartedBy,
  /** Of the file that has the name: the hashes of the contents that may be replaced. */
  replacesOnly: Type.Array(Type.String()),
})
/** Of a download that the peer started by itself: it yields to those that users started. */
export type Background = Static<typeof Background>

const DownloadRecord = Type.Object({
  id: Type.String(),
  request: DownloadRequest,
  background: Type.Optional(Background),
  /** What is being fetched, once that is known. */
  content: Type.Optional(Content),
  isPaused: Type.Boolean(),
})
/** A download that has not ended, from which the next run of this peer resumes it. */
export type DownloadRecord = Static<typeof DownloadRecord>

const inMemory = ':memory:'

/** Downloads that have not ended, on disk: written immediately, and persistent. */
export class DownloadRecords implements Disposable {
  readonly #path: string
  readonly #log: Log
  /** Of the folder that the file is in. */
  readonly #device: number | undefined
  #open: Database

  /**
   * A damaged file is moved aside, and no download is left; their partial data waits for the next one.
   * @throws AppError DATA_IN_USE, DATABASE_UNUSABLE
   */
  constructor(path: string, { log }: { log: Log }) {
    this.#path = path
    this.#log = log
    this.#open = openOrReplace(path, { migrations, log, isRead: true })
    this.#device = path === inMemory ? undefined : statSync(dirname(path)).dev
  }

  /** The database, created again if its file was removed: its content can still be read. */
  get #database(): Database {
    const device = this.#device
    if (device === undefined || existsSync(this.#path)) return this.#open
    const rows = this.#open
      .prepare<[], RecordRow>('SELECT id, record FROM downloads ORDER BY place')
      .all()
    // Closing it removes its log by the path: the new one must not have a log yet.
    this.#open.close()
    this.#open = openAnywhere(this.#path, device, this.#log)
    const insert = this.#open.prepare<RecordRow>(
      'INSERT INTO downloads (id, record) VALUES (@id, @record)',
    )
    this.#open.transaction(() => rows.forEach((row) => insert.run(row)))()
    return this.#open
  }

  /** In the order in which they were first added. */
  all(): DownloadRecord[] {
    const rows = this.#database.prepare('SELECT record FROM downloads ORDER BY place').pluck().all()
    return rows.map((row) => JSON.parse(String(row)) as unknown).filter(isRecord)
  }

  /** Whether one of them is of this very content. */
  haveContent({ sha256, chunkRoot }: Pick<Content, 'sha256' | 'chunkRoot'>): boolean {
    const found = this.#database
      .prepare(
        "SELECT 1 FROM downloads WHERE record ->> '$.content.sha256' = ? AND record ->> '$.content.chunkRoot' = ?",
      )
      .get(sha256, chunkRoot)
    return found !== undefined
  }

  /** Adds a record, or replaces that of the same id. */
  put(record: DownloadRecord): void {
    this.#database
      .prepare(
        'INSERT INTO downloads (id, record) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET record = excluded.record',
      )
      .run(record.id, JSON.stringify(record))
  }

  remove(id: string): void {
    this.#database.prepare('DELETE FROM downloads WHERE id = ?').run(id)
  }

  [Symbol.dispose](): void {
    this.#open.close()
  }
}

interface RecordRow {
  readonly id: string
  readonly record: string
}

const migrations = [
  'CREATE TABLE downloads (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT',
]

/** In memory where the disk refuses: downloads continue, and the next use retries the disk. */
function openAnywhere(path: string, device: number, log: Log): Database {
  try {
    makeFolderAgain(dirname(path), device)
    return openOrReplace(path, { migrations, log, isRead: true })
  } catch {
    return openDatabase(inMemory, { migrations })
  }
}

function isRecord(value: unknown): value is DownloadRecord {
  return Value.Check(DownloadRecord, value)
}
