import type { Database } from '../../common/sqlite.ts'
import type { PeerKeys } from './peer-keys.ts'

const replicated = 2

interface TotalsChange {
  names: number
  contents: number
  wanted: number
  copies: number
  bytes: number
  trashFiles: number
  trashBytes: number
}

interface HoldingsChange {
  copies: number
  bytes: number
  replicas: number
  replicaBytes: number
}

/**
 * The counters of the index and of its peers. What one write adds to them is summed up here and
 * written once, in the transaction of that write, so that a crash cannot separate them from what
 * they count.
 */
export class Tallies {
  readonly #sql: ReturnType<typeof prepare>
  readonly #keys: Pick<PeerKeys, 'idOf'>
  readonly #peers = new Map<number, HoldingsChange>()
  #totals = noChange()
  #hasChanged = false
  #lastContentId: number | undefined

  constructor(database: Database, keys: Pick<PeerKeys, 'idOf'>) {
    this.#sql = prepare(database)
    this.#keys = keys
  }

  /** An id that no content has had: replication remembers contents by their ids. */
  nextContentId(): number {
    this.#hasChanged = true
    this.#lastContentId ??= this.#sql.lastContentId.get() as number
    return ++this.#lastContentId
  }

  add(change: Partial<Omit<TotalsChange, 'copies'>>): void {
    const totals = this.#totals
    // For each announced copy: listing the names of the fields would take a third of a microsecond.
    totals.names += change.names ?? 0
    totals.contents += change.contents ?? 0
    totals.wanted += change.wanted ?? 0
    totals.bytes += change.bytes ?? 0
    totals.trashFiles += change.trashFiles ?? 0
    totals.trashBytes += change.trashBytes ?? 0
    this.#hasChanged = true
  }

  /** A peer has one copy more or less. */
  addCopy(peerKey: number, kind: number, bytes: number, by: 1 | -1): void {
    this.#totals.copies += by
    this.#hasChanged = true
    let change = this.#peers.get(peerKey)
    if (change === undefined)
      this.#peers.set(peerKey, (change = { copies: 0, bytes: 0, replicas: 0, replicaBytes: 0 }))
    change.copies += by
    change.bytes += by * bytes
    if (kind !== replicated) return
    change.replicas += by
    change.replicaBytes += by * bytes
  }

  /** Writes what was added. */
  settle(): void {
    for (const [key, change] of this.#peers)
      this.#sql.addToPeer.run({ ...change, peerId: this.#keys.idOf(key) })
    this.#peers.clear()
    if (!this.#hasChanged) return
    this.#sql.addToTotals.run({ ...this.#totals, lastContentId: this.#lastContentId ?? 0 })
    this.#totals = noChange()
    this.#hasChanged = false
  }

  onRolledBack(): void {
    this.#peers.clear()
    this.#totals = noChange()
    this.#hasChanged = false
    this.#lastContentId = undefined
  }
}

function noChange(): TotalsChange {
  return { names: 0, contents: 0, wanted: 0, copies: 0, bytes: 0, trashFiles: 0, trashBytes: 0 }
}

function prepare(database: Database) {
  return {
    lastContentId: database.prepare('select last_content_id from totals').pluck(),
    addToPeer: database.prepare(`
      update peers set copies = copies + @copies, bytes = bytes + @bytes,
        replicas = replicas + @replicas, replica_bytes = replica_bytes + @replicaBytes
      where peer_id = @peerId`),
    addToTotals: database.prepare(`
      update totals set names = names + @names, contents = contents + @contents,
        wanted = wanted + @wanted, copies = copies + @copies, bytes = bytes + @bytes,
        trash_files = trash_files + @trashFiles, trash_bytes = trash_bytes + @trashBytes,
        last_content_id = max(last_content_id, @lastContentId)`),
  }
}
