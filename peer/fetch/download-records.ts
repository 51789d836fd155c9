import Type, { type Static } from 'typebox'
import { Value } from 'typebox/value'
import { Content } from '../../common/protocol/shapes.ts'
import { type Database, openDatabase } from '../../common/sqlite.ts'
import { DownloadRequest } from '../api.ts'

const DownloadRecord = Type.Object({
  id: Type.String(),
  request: DownloadRequest,
  /** What is being fetched, once that is known. */
  content: Type.Optional(Content),
  isPaused: Type.Boolean(),
})
/** A download that has not ended, as the next run of this peer takes it up. */
export type DownloadRecord = Static<typeof DownloadRecord>

/** Downloads that have not ended, on disk: written at once, and there after the end of the process. */
export class DownloadRecords implements Disposable {
  readonly #database: Database

  /** @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
  constructor(path: string) {
    this.#database = openDatabase(path, {
      migrations: [
        'CREATE TABLE downloads (place INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL) STRICT',
      ],
    })
  }

  /** In the order in which they were first put. */
  all(): DownloadRecord[] {
    const rows = this.#database.prepare('SELECT record FROM downloads ORDER BY place').pluck().all()
    return rows.map((row) => JSON.parse(String(row)) as unknown).filter(isRecord)
  }

  /** Whether one of them is getting this very content. */
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
    this.#database.close()
  }
}

function isRecord(value: unknown): value is DownloadRecord {
  return Value.Check(DownloadRecord, value)
}
