import type { Database } from '../../common/sqlite.ts'
import { ContentRows } from './content-rows.ts'
import { CopyRows } from './copy-rows.ts'
import { FileRows } from './file-rows.ts'
import type { HashIndex } from './hash-index.ts'
import type { PeerKeys } from './peer-keys.ts'
import { RareRows } from './rare-rows.ts'
import { Tallies } from './tallies.ts'

/**
 * The rows that writers change. `contents` and `tallies` collect what a write changes until
 * {@link IndexRows.settle} writes it, so that a row or counter that a thousand changes touch is
 * written once.
 */
export class IndexRows {
  readonly keys: PeerKeys
  readonly hashes: HashIndex
  readonly tallies: Tallies
  readonly contents: ContentRows
  readonly files: FileRows
  readonly copies: CopyRows
  readonly rare: RareRows

  constructor(database: Database, { keys, hashes }: { keys: PeerKeys; hashes: HashIndex }) {
    this.keys = keys
    this.hashes = hashes
    this.tallies = new Tallies(database, keys)
    this.contents = new ContentRows(database, this)
    this.files = new FileRows(database, this)
    this.copies = new CopyRows(database, this)
    this.rare = new RareRows(database)
  }

  /**
   * Ends a write: writes what it collected, and removes what nothing needs any longer of the
   * contents that lost a copy or a file.
   */
  settle(loosened: ReadonlySet<number>): void {
    this.contents.settle(loosened, this.rare.has('replaced'))
    this.files.settle()
    this.hashes.settle()
    this.tallies.settle()
    this.rare.forget()
  }

  /** The transaction was rolled back, and with it all that was collected. */
  onRolledBack(): void {
    this.keys.onRolledBack()
    this.tallies.onRolledBack()
    this.contents.onRolledBack()
    this.files.onRolledBack()
    this.hashes.onRolledBack()
    this.rare.forget()
  }
}
