import { limits } from '../../common/limits.ts'
import type { Database } from '../../common/sqlite.ts'

/** Ids kept in memory: those of all registered peers, with room for owners that are gone. */
const cachedMax = 2 * limits.peersMax

/** The key of no owner, whose files are downloads. */
export const noOwnerKey = 0

/**
 * The small numbers that stand for peer ids in the tables of files and copies. A key belongs to its
 * id for good, also after the peer was forgotten: its files may outlive it.
 */
export class PeerKeys {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys = new Map<string, number>()
  readonly #ids = new Map<number, string>()

  constructor(database: Database) {
    this.#sql = prepare(database)
  }

  /** The key of an id that some row has; undefined if none has. */
  keyOf(peerId: string): number | undefined {
    const cached = this.#keys.get(peerId)
    if (cached !== undefined) return cached
    const key = this.#sql.key.get(peerId) as number | undefined
    if (key !== undefined) this.#remember(peerId, key)
    return key
  }

  /** The key of an id, which is given one if it has none. Must run within a transaction. */
  keyFor(peerId: string): number {
    const known = this.keyOf(peerId)
    if (known !== undefined) return known
    const key = Number(this.#sql.add.run(peerId).lastInsertRowid)
    this.#remember(peerId, key)
    return key
  }

  idOf(key: number): string {
    const cached = this.#ids.get(key)
    if (cached !== undefined) return cached
    const peerId = this.#sql.id.get(key) as string | undefined
    if (peerId === undefined) throw new RangeError(`no peer has the key ${key}`)
    this.#remember(peerId, key)
    return peerId
  }

  /** Keys were given in a transaction that was rolled back. */
  onRolledBack(): void {
    this.#keys.clear()
    this.#ids.clear()
  }

  #remember(peerId: string, key: number): void {
    if (this.#keys.size >= cachedMax) this.onRolledBack()
    this.#keys.set(peerId, key)
    this.#ids.set(key, peerId)
  }
}

function prepare(database: Database) {
  return {
    key: database.prepare('select peer_key from peer_keys where peer_id = ?').pluck(),
    id: database.prepare('select peer_id from peer_keys where peer_key = ?').pluck(),
    add: database.prepare('insert into peer_keys (peer_id) values (?)'),
  }
}
