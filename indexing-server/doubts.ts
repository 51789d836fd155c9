import type { Clock } from '../common/clock.ts'
import { limits } from '../common/limits.ts'

/** After a copy was verified, new accusations of it are ignored for this long: accusers may lie. */
export const doubtPauseMs = 600_000
/**
 * Interval of repeated requests to verify a copy in doubt: more than the holder's `verifyPauseMs`.
 */
export const verifyAgainMs = 120_000

/** How far a peer had announced its catalog. */
export interface Announced {
  readonly epoch: string
  readonly seenSeq: number
}

interface Doubt {
  readonly peerId: string
  readonly sha256: string
  readonly accuserHost: string
  /**
   * What the peer had announced by then: only a later change proves that it has read the copy
   * since.
   */
  readonly before: Announced
  /** When the peer was last asked to read it. */
  askedMs: number
  /** When the peer proved that it has the content. */
  clearedMs: number | undefined
}

/**
 * Copies of which a peer received wrong bytes. Such a copy does not count, and is offered last,
 * until its holder has read it and announced it again. Accusations may be false: after one is
 * disproved, the copy cannot be doubted again for a while, and the number of open accusations per
 * host is bounded.
 */
export class Doubts {
  readonly #clock: Clock
  /** By peer and content, in order of insertion. */
  readonly #doubts = new Map<string, Doubt>()
  readonly #openByHost = new Map<string, number>()

  constructor(dependencies: { clock: Clock }) {
    this.#clock = dependencies.clock
  }

  /** Whether the copy does not count now. */
  has(peerId: string, sha256: string): boolean {
    // Called for every holder of every content that is read.
    if (this.#openByHost.size === 0) return false
    return isOpen(this.#doubts.get(keyOf(peerId, sha256)))
  }

  /** @returns whether the copy is newly in doubt */
  add(doubt: Pick<Doubt, 'peerId' | 'sha256' | 'accuserHost' | 'before'>): boolean {
    const key = keyOf(doubt.peerId, doubt.sha256)
    const nowMs = this.#clock.monotonicMs()
    const known = this.#doubts.get(key)
    const sinceClearedMs = nowMs - (known?.clearedMs ?? -Infinity)
    if (isOpen(known) || sinceClearedMs < doubtPauseMs) return false
    if ((this.#openByHost.get(doubt.accuserHost) ?? 0) >= limits.doubtsPerHostMax) return false
    this.#remove(key)
    this.#doubts.set(key, { ...doubt, askedMs: nowMs, clearedMs: undefined })
    this.#count(doubt.accuserHost, 1)
    const [oldest] = this.#doubts.keys()
    if (this.#doubts.size > limits.doubtsMax && oldest !== undefined) this.#remove(oldest)
    return true
  }

  /**
   * The peer announced, as change `seq` of its catalog, that it has this content.
   * @returns whether the copy counts again
   */
  onAnnounced(
    peerId: string,
    sha256: string,
    { epoch, seq }: { epoch: string; seq: number },
  ): boolean {
    // Called for each announced copy.
    if (this.#openByHost.size === 0) return false
    const doubt = this.#doubts.get(keyOf(peerId, sha256))
    if (doubt === undefined || !isOpen(doubt)) return false
    // A full inventory repeats what the catalog recorded, which proves nothing; a new catalog has
    // read its files.
    if (epoch === doubt.before.epoch && seq <= doubt.before.seenSeq) return false
    doubt.clearedMs = this.#clock.monotonicMs()
    this.#count(doubt.accuserHost, -1)
    return true
  }

  /** The contents that the peer has not answered for and must be asked for again now. */
  takeDue(peerId: string): string[] {
    if (this.#openByHost.size === 0) return []
    const nowMs = this.#clock.monotonicMs()
    const due = [...this.#doubts.values()].filter(
      (doubt) => doubt.peerId === peerId && isOpen(doubt) && nowMs - doubt.askedMs >= verifyAgainMs,
    )
    for (const doubt of due) doubt.askedMs = nowMs
    return due.map(({ sha256 }) => sha256)
  }

  /** The peer no longer has such a copy. */
  forget(peerId: string, sha256: string): void {
    this.#remove(keyOf(peerId, sha256))
  }

  #remove(key: string): void {
    const doubt = this.#doubts.get(key)
    if (doubt === undefined) return
    if (isOpen(doubt)) this.#count(doubt.accuserHost, -1)
    this.#doubts.delete(key)
  }

  #count(host: string, more: 1 | -1): void {
    const count = (this.#openByHost.get(host) ?? 0) + more
    if (count === 0) this.#openByHost.delete(host)
    else this.#openByHost.set(host, count)
  }
}

function isOpen(doubt: Doubt | undefined): boolean {
  return doubt !== undefined && doubt.clearedMs === undefined
}

function keyOf(peerId: string, sha256: string): string {
  return `${peerId} ${sha256}`
}
