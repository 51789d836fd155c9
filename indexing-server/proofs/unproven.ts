import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { ProofFailure, ProofRecords, UnprovenCopy } from '../store/proof-records.ts'

/** A distrusted peer is trusted again when so few of its copies are left unproven. */
const trustedAgain = limits.unprovenPerPeerMax / 2

interface Dependencies {
  readonly records: () => ProofRecords
  readonly clock: Clock
  readonly log: Log
}

/** What a failed or passed proof has changed. */
export interface ProofChange {
  /** Whether the copy is recorded now and was not before, or the reverse. */
  readonly isNew: boolean
  /** Whether the peer is trusted now and was not before, or the reverse. */
  readonly isTrustNew: boolean
}

const nothing: ProofChange = { isNew: false, isTrustNew: false }

/**
 * Copies that do not count, because their holder has failed to prove them, until it does. A peer with
 * many of them is distrusted: none of its copies counts. That bounds what is kept, and a peer that claims a
 * million copies counts for nothing long before it was asked for all of them.
 */
export class Unproven {
  readonly #dependencies: Dependencies
  readonly #byPeer = new Map<string, Map<string, UnprovenCopy>>()
  readonly #distrusted = new Set<string>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Takes over what an earlier process found. */
  async load(): Promise<void> {
    for (const copy of await this.#dependencies.records().unproven()) this.#put(copy)
    for (const [peerId, copies] of this.#byPeer)
      if (copies.size >= trustedAgain) this.#distrusted.add(peerId)
  }

  /** Whether a copy does not count. */
  has(peerId: string, sha256: string): boolean {
    // Called for every holder of every content that is read.
    const copies = this.#byPeer.get(peerId)
    return copies !== undefined && (copies.has(sha256) || this.#distrusted.has(peerId))
  }

  /** What is recorded of a copy itself. */
  of(peerId: string, sha256: string): UnprovenCopy | undefined {
    return this.#byPeer.get(peerId)?.get(sha256)
  }

  isDistrusted(peerId: string): boolean {
    return this.#distrusted.has(peerId)
  }

  /** The number of a peer's copies that are recorded. */
  countOf(peerId: string): number {
    return this.#byPeer.get(peerId)?.size ?? 0
  }

  get counts(): { readonly copies: number; readonly peers: number; readonly distrusted: number } {
    let copies = 0
    for (const ofPeer of this.#byPeer.values()) copies += ofPeer.size
    return { copies, peers: this.#byPeer.size, distrusted: this.#distrusted.size }
  }

  /** The recorded copies of one peer. */
  copiesOf(peerId: string): readonly UnprovenCopy[] {
    return [...(this.#byPeer.get(peerId)?.values() ?? [])]
  }

  get copies(): readonly UnprovenCopy[] {
    return [...this.#byPeer.values()].flatMap((ofPeer) => [...ofPeer.values()])
  }

  async fail(peerId: string, sha256: string, failure: ProofFailure): Promise<ProofChange> {
    const known = this.of(peerId, sha256)
    if (known?.failure === failure) return nothing
    if (known === undefined && this.countOf(peerId) >= limits.unprovenPerPeerMax) return nothing
    const isNew = known === undefined
    const copy = {
      peerId,
      sha256,
      failure,
      sinceMs: known?.sinceMs ?? this.#dependencies.clock.nowMs(),
    }
    this.#put(copy)
    const isTrustNew =
      !this.isDistrusted(peerId) && this.countOf(peerId) >= limits.unprovenPerPeerMax
    if (isTrustNew) this.#distrusted.add(peerId)
    await this.#record((records) => records.addUnproven(copy))
    return { isNew, isTrustNew }
  }

  /** The copy is proven, or has been gone for long. */
  async pass(peerId: string, sha256: string): Promise<ProofChange> {
    const copies = this.#byPeer.get(peerId)
    if (copies?.delete(sha256) !== true) return nothing
    if (copies.size === 0) this.#byPeer.delete(peerId)
    const isTrustNew = copies.size < trustedAgain && this.#distrusted.delete(peerId)
    await this.#record((records) => records.removeUnproven({ peerId, sha256 }))
    return { isNew: true, isTrustNew }
  }

  #put(copy: UnprovenCopy): void {
    const copies = this.#byPeer.get(copy.peerId) ?? new Map<string, UnprovenCopy>()
    copies.set(copy.sha256, copy)
    this.#byPeer.set(copy.peerId, copies)
  }

  /** What cannot be written holds until the index stops. */
  async #record(write: (records: ProofRecords) => Promise<void>): Promise<void> {
    const { records, log } = this.#dependencies
    try {
      await write(records())
    } catch (error) {
      log.warn({ reason: reasonOf(error) }, 'what a peer has proven was not recorded')
    }
  }
}
