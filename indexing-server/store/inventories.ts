import { AppError } from '../../common/errors.ts'
import type { Database } from '../../common/sqlite.ts'
import { holdingsColumns } from './bounded-bytes.ts'
import type { Announcement, Holdings } from './store.ts'

/** The inventory that an announcement belongs to. */
export interface Inventory {
  readonly number: number
  /** Whether it is part of a full inventory, which does not tell when a file was added. */
  readonly isFull: boolean
  /** Whether the peer had no copies before it. */
  readonly isFirst: boolean
}

/** Which announcements continue what was seen of their peers. */
export class Inventories {
  readonly #sql: ReturnType<typeof prepare>

  constructor(database: Database) {
    this.#sql = prepare(database)
  }

  /** The inventory that the announcement's copies belong to. @throws AppError SEQUENCE_GAP */
  of({ peerId, begin, epoch, previousSeq }: Announcement): Inventory {
    const seen = this.#sql.seen.get(peerId) as
      | { epoch: string; seen_seq: number; inventory: number; inventory_ended: number }
      | undefined
    if (seen === undefined) throw new AppError('NOT_REGISTERED', { request: 'announce' })
    const number = seen.inventory + (begin === true ? 1 : 0)
    if (begin === true) return { number, isFull: true, isFirst: number === 1 }
    const expected = seen.epoch === epoch ? seen.seen_seq : 0
    if (seen.epoch !== epoch || previousSeq !== expected)
      throw new AppError('SEQUENCE_GAP', { expected, got: previousSeq })
    const isFull = seen.inventory_ended === 0
    return { number, isFull, isFirst: isFull && number === 1 }
  }

  /** The changes of an announcement were applied. */
  onApplied({ peerId, begin, end, epoch, lastSeq }: Announcement, { number }: Inventory): void {
    if (begin === true) this.#sql.beginInventory.run(epoch, number, peerId)
    if (end === true) this.#sql.endInventory.run(peerId)
    this.#sql.setSeen.run(lastSeq, peerId)
  }

  holdingsOf(peerId: string): Holdings {
    return this.#sql.holdings.get(peerId) as Holdings
  }
}

function prepare(database: Database) {
  return {
    seen: database.prepare(
      'select epoch, seen_seq, inventory, inventory_ended from peers where peer_id = ?',
    ),
    beginInventory: database.prepare(
      'update peers set epoch = ?, inventory = ?, inventory_ended = 0 where peer_id = ?',
    ),
    endInventory: database.prepare('update peers set inventory_ended = 1 where peer_id = ?'),
    setSeen: database.prepare('update peers set seen_seq = ? where peer_id = ?'),
    holdings: database.prepare(`select ${holdingsColumns} from peers where peer_id = ?`),
  }
}
