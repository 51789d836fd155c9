import { AppError, hasCode } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import { isSameIdentity } from '../identity.ts'
import type { GroupCommit, Transaction } from './group-commit.ts'
import type { PeerStatements } from './peer-statements.ts'
import type { Gone, Holdings, PeerRecord, Registration } from './store.ts'
import { type UnwrittenPeer, UnwrittenPeers } from './unwritten-peers.ts'

/** Bytes written by a probe: as much as a typical announcement. */
const databaseProbeBytes = 65_536
/** Registrations and deaths written together after a fault: one short transaction. */
const unwrittenPeersPerCommit = 1_000

type PeerRow = Omit<PeerRecord, 'zone' | 'gone'> & { zone: string | null; gone: Gone | null }

/**
 * The peers that said hello, with their identities. While the database cannot be written, those that
 * it has are registered in memory; see {@link UnwrittenPeers}.
 */
export class RegisteredPeers {
  readonly #sql: PeerStatements
  readonly #commits: GroupCommit
  readonly #transaction: Transaction
  readonly #unwritten = new UnwrittenPeers()

  constructor(sql: PeerStatements, parts: { commits: GroupCommit; transaction: Transaction }) {
    this.#sql = sql
    this.#commits = parts.commits
    this.#transaction = parts.transaction
  }

  all(): PeerRecord[] {
    const rows = this.#sql.peers.all() as PeerRow[]
    return rows.map((row) => ({
      ...row,
      zone: row.zone ?? undefined,
      gone: row.gone ?? undefined,
    }))
  }

  async register(registration: Registration): Promise<{ seenSeq: number; holdings: Holdings }> {
    const { peerId, epoch, identity } = registration
    const isNew = identity !== undefined && this.identityOf(peerId) === undefined
    const job = (): { seenSeq: number; holdings: Holdings } => {
      const bound = this.identityOf(peerId)
      if (bound !== undefined && !isSameIdentity(bound, identity))
        throw new AppError('PEER_ID_BOUND', { peerId })
      if (bound === undefined && identity !== undefined) this.#sql.bind.run(peerId, identity)
      // The new registration may continue it.
      this.writeUnwritten(peerId)
      this.#writeRegistration(registration)
      const seenSeq = this.#sql.seenSeq.get(peerId, epoch) as number | undefined
      const holdings = this.#sql.holdings.get(peerId) as Holdings
      return { seenSeq: seenSeq ?? 0, holdings }
    }
    try {
      const registered = await this.#commits.add(1, job, { isDurable: isNew })
      this.#unwritten.forget(peerId)
      return registered
    } catch (error) {
      if (isNew || !hasCode(error, 'DISK_FAILED')) throw error
      return this.#registerUnwritten(registration, error)
    }
  }

  #writeRegistration({ epoch, continues, heardMs, ...peer }: Registration): void {
    const row = { ...peer, zone: peer.zone ?? null, heardMs: Math.round(heardMs) }
    this.#sql.register.run(row)
    if (continues !== undefined)
      this.#sql.continueRun.run(epoch, peer.peerId, continues.epoch, continues.lastSeq)
  }

  /** Registers a peer that the database has, without writing. @throws `error` for any other peer */
  #registerUnwritten(
    registration: Registration,
    error: AppError,
  ): { seenSeq: number; holdings: Holdings } {
    const { peerId, epoch, continues, identity } = registration
    const bound = this.identityOf(peerId)
    if (bound !== undefined && !isSameIdentity(bound, identity))
      throw new AppError('PEER_ID_BOUND', { peerId })
    const holdings = this.#sql.holdings.get(peerId) as Holdings | undefined
    if (holdings === undefined || !this.#unwritten.register(registration)) throw error
    const resumed = this.#sql.resumableSeq.get({
      peerId,
      epoch,
      continuedEpoch: continues?.epoch ?? null,
      continuedSeq: continues?.lastSeq ?? null,
    }) as number | undefined
    return { seenSeq: resumed ?? 0, holdings }
  }

  async releaseIdentity(
    peerId: string,
    { onlyIfEmpty }: { onlyIfEmpty: boolean },
  ): Promise<boolean> {
    const release = onlyIfEmpty ? this.#sql.releaseIfEmpty : this.#sql.release
    const job = (): boolean => release.run({ peerId }).changes > 0
    return await this.#commits.add(1, job, { isDurable: true })
  }

  identityOf(peerId: string): string | undefined {
    return this.#sql.identity.get(peerId) as string | undefined
  }

  async recordGone(peerId: string, gone: Gone, heardMs: number): Promise<void> {
    try {
      await this.#commits.add(1, () => {
        this.writeUnwritten(peerId)
        this.#sql.recordGone.run(gone, Math.round(heardMs), peerId)
      })
      this.#unwritten.forget(peerId)
    } catch (error) {
      const isKept = hasCode(error, 'DISK_FAILED') && this.#unwritten.end(peerId, gone, heardMs)
      if (!isKept) throw error
    }
  }

  async probe(): Promise<void> {
    this.#transaction(() => this.#sql.probe.run(databaseProbeBytes), false)
    for (;;) {
      const some = this.#unwritten.some(unwrittenPeersPerCommit)
      if (some.length === 0) return
      const outcomes = await Promise.allSettled(some.map((peer) => this.#addUnwritten(peer)))
      for (const [index, peer] of some.entries()) {
        const outcome = outcomes[index]
        const error: unknown = outcome?.status === 'rejected' ? outcome.reason : undefined
        if (hasCode(error, 'DISK_FAILED')) throw error
        // A value that the database refuses would be refused again.
        this.#unwritten.onWritten(peer)
      }
    }
  }

  /**
   * Within a transaction, writes what is not in the database yet of a peer; returns it, for
   * {@link RegisteredPeers.onWritten} once that is committed.
   */
  writeUnwritten(peerId: string): UnwrittenPeer | undefined {
    const unwritten = this.#unwritten.of(peerId)
    if (unwritten !== undefined) this.#write(unwritten)
    return unwritten
  }

  onWritten(peer: UnwrittenPeer): void {
    this.#unwritten.onWritten(peer)
  }

  /** The peer was forgotten. */
  forget(peerId: string): void {
    this.#unwritten.forget(peerId)
  }

  /** Queues all that is not in the database yet, to be written by the last commit. */
  queueUnwritten(): void {
    // The next start finds out by itself what cannot be written now.
    for (const peer of this.#unwritten.some(limits.peersMax))
      this.#addUnwritten(peer).catch(() => {})
  }

  async #addUnwritten(peer: UnwrittenPeer): Promise<void> {
    await this.#commits.add(1, () => {
      if (this.#unwritten.of(peer.peerId) === peer) this.#write(peer)
    })
  }

  #write({ peerId, registration, gone }: UnwrittenPeer): void {
    if (registration !== undefined) this.#writeRegistration(registration)
    if (gone !== undefined) this.#sql.recordGone.run(gone.gone, Math.round(gone.heardMs), peerId)
  }
}
