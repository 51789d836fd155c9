import type { Cancel, Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { deadlines } from '../limits.ts'
import { hostKeyOf, mayHold } from './host-share.ts'

/** Interval of the check for stalled holders while others wait: short against `budgetStallMs`. */
export const budgetCheckMs = 250
/** A holder without progress for this long is disconnected if others wait for its memory. */
export const budgetStallMs = 2_000

export interface BudgetOptions {
  /** Memory shared by all hosts. */
  readonly bytesMax: number
  /** Beyond it the largest holder is disconnected, even if it is busy. */
  readonly hardBytesMax: number
  /** Guaranteed to each account, so that small requests never wait. */
  readonly ownBytes: number
}

/** The connection whose memory an account counts. */
export interface Holder {
  /**
   * Milliseconds without progress on bytes that it is being sent, or on a frame that it is sending.
   */
  stalledMs(): number
  /** Disconnects it immediately. */
  evict(): void
}

/** The memory held by one connection. Disposing releases all of it. */
export interface Account extends Disposable {
  /** Replaces the number of bytes that may be read ahead while reading is paused. */
  readAhead(bytes: number): void
  /** Counts bytes that are already in memory. */
  hold(bytes: number): void
  release(bytes: number): void
  /** Holds bytes if the share of the host allows it. */
  tryTake(bytes: number): boolean
  /**
   * Holds bytes as soon as the share of the host allows it: undefined if it is immediate. An
   * account waits for one thing at a time.
   * @throws (rejects with) AppError BUSY after `deadlines.budgetWaitMs`, or when the account is
   * disposed
   */
  take(bytes: number): Promise<void> | undefined
}

interface Host {
  readonly key: string
  readonly accounts: Set<BudgetAccount>
  /** In order of arrival. */
  readonly waiting: Set<BudgetAccount>
  bytes: number
}

interface Waiting {
  readonly bytes: number
  readonly sinceMs: number
  readonly granted: PromiseWithResolvers<void>
}

/**
 * The memory that a server spends on its connections: incoming frames, running requests, and queued
 * output. Limits per connection would not bound it, because there are thousands. Each host has a
 * share, see {@link mayHold}; connections of a host that has used its share are not read until
 * memory is released. Stalled holders are disconnected when others wait.
 */
export class ByteBudget {
  readonly #options: BudgetOptions
  readonly #clock: Clock
  readonly #hosts = new Map<string, Host>()
  #usedBytes = 0
  #waitingCount = 0
  #cancelTimer: Cancel | undefined

  constructor(options: BudgetOptions, dependencies: { clock: Clock }) {
    this.#options = options
    this.#clock = dependencies.clock
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Number of accounts that wait for memory. */
  get waitingCount(): number {
    return this.#waitingCount
  }

  /** Opens an account for a connection from `host`. */
  open(host: string, holder: Holder): Account {
    const key = hostKeyOf(host)
    const found = this.#hosts.get(key)
    const entry = found ?? { key, accounts: new Set(), waiting: new Set(), bytes: 0 }
    if (found === undefined) this.#hosts.set(key, entry)
    const account = new BudgetAccount(entry, holder, this)
    entry.accounts.add(account)
    return account
  }

  /** For accounts. */
  change(host: Host, bytes: number): void {
    host.bytes += bytes
    this.#usedBytes += bytes
    if (bytes < 0 && this.#waitingCount > 0) this.#letIn()
    if (bytes > 0 && this.#usedBytes > this.#options.hardBytesMax) this.#shed()
  }

  /** For accounts: whether the guaranteed bytes suffice. */
  isOwn(account: BudgetAccount, bytes: number): boolean {
    return account.heldBytes + bytes <= this.#options.ownBytes
  }

  /** For accounts. */
  mayTake(account: BudgetAccount, bytes: number): boolean {
    const { bytesMax, hardBytesMax } = this.#options
    if (this.isOwn(account, bytes)) return true
    // The first bytes of a connection are accepted while there is any room.
    if (account.heldBytes === 0 && this.#usedBytes + bytes <= hardBytesMax) return true
    return mayHold(bytes, {
      bytesMax,
      usedBytes: this.#usedBytes,
      hostBytes: account.host.bytes,
    })
  }

  /** For accounts. */
  onWaiting(account: BudgetAccount): void {
    account.host.waiting.add(account)
    this.#waitingCount += 1
    this.#relieve()
    this.#watch()
  }

  /** For accounts. */
  onWaitEnded(account: BudgetAccount): void {
    if (account.host.waiting.delete(account)) this.#waitingCount -= 1
  }

  /** For accounts. */
  close(account: BudgetAccount): void {
    const { host } = account
    this.onWaitEnded(account)
    host.accounts.delete(account)
    if (host.accounts.size === 0) this.#hosts.delete(host.key)
  }

  #letIn(): void {
    for (const host of this.#hosts.values())
      for (const account of host.waiting) if (!account.proceed()) break
  }

  /**
   * While accounts wait: disconnects stalled holders, and rejects those that have waited too long.
   */
  #watch(): void {
    if (this.#cancelTimer !== undefined || this.#waitingCount === 0) return
    this.#cancelTimer = this.#clock.after(budgetCheckMs, () => {
      this.#cancelTimer = undefined
      for (const host of this.#hosts.values())
        for (const account of host.waiting) account.expire(this.#clock.monotonicMs())
      this.#relieve()
      this.#letIn()
      this.#watch()
    })
  }

  /**
   * Disconnects stalled connections of the host that holds the most, largest first, until waiting
   * ones fit.
   */
  #relieve(): void {
    while (this.#waitingCount > 0) {
      const stalled = [...(this.#largestHost()?.accounts ?? [])].filter(
        ({ heldBytes, holder }) =>
          heldBytes > this.#options.ownBytes && holder.stalledMs() >= budgetStallMs,
      )
      const victim = largest(stalled, ({ allBytes }) => allBytes)
      if (victim === undefined) return
      victim.evict()
    }
  }

  #shed(): void {
    while (this.#usedBytes > this.#options.hardBytesMax) {
      const victim = largest(this.#largestHost()?.accounts ?? [], ({ allBytes }) => allBytes)
      if (victim === undefined || victim.allBytes === 0) return
      victim.evict()
    }
  }

  #largestHost(): Host | undefined {
    return largest(this.#hosts.values(), ({ bytes }) => bytes)
  }

  /** For accounts. */
  nowMs(): number {
    return this.#clock.monotonicMs()
  }
}

class BudgetAccount implements Account {
  readonly host: Host
  readonly holder: Holder
  readonly #budget: ByteBudget
  #heldBytes = 0
  #aheadBytes = 0
  #waiting: Waiting | undefined
  #isClosed = false

  constructor(host: Host, holder: Holder, budget: ByteBudget) {
    this.host = host
    this.holder = holder
    this.#budget = budget
  }

  /** The memory held, except what was read ahead, which is there because the account waits. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  get allBytes(): number {
    return this.#heldBytes + this.#aheadBytes
  }

  readAhead(bytes: number): void {
    if (this.#isClosed) return
    const more = bytes - this.#aheadBytes
    this.#aheadBytes = bytes
    this.#budget.change(this.host, more)
  }

  hold(bytes: number): void {
    if (this.#isClosed) return
    this.#heldBytes += bytes
    this.#budget.change(this.host, bytes)
  }

  release(bytes: number): void {
    if (!this.#isClosed) this.hold(-bytes)
  }

  tryTake(bytes: number): boolean {
    if (this.#isClosed || !this.#budget.mayTake(this, bytes)) return false
    this.hold(bytes)
    return true
  }

  take(bytes: number): Promise<void> | undefined {
    if (this.#isClosed) return undefined
    // Accounts of one host are served in order, except for requests within the guarantee.
    const mayOvertake = this.#budget.isOwn(this, bytes) || this.#heldBytes === 0
    if ((mayOvertake || this.host.waiting.size === 0) && this.tryTake(bytes)) return undefined
    this.#waiting = { bytes, sinceMs: this.#budget.nowMs(), granted: Promise.withResolvers() }
    const { promise } = this.#waiting.granted
    this.#budget.onWaiting(this)
    return promise
  }

  /** For the budget: continues if there is room now. */
  proceed(): boolean {
    if (this.#waiting === undefined) return true
    const { bytes, granted } = this.#waiting
    if (!this.#budget.mayTake(this, bytes)) return false
    this.#wakeUp()
    this.hold(bytes)
    granted.resolve()
    return true
  }

  /** For the budget: rejects if it has waited too long. */
  expire(nowMs: number): void {
    if (this.#waiting === undefined || nowMs - this.#waiting.sinceMs < deadlines.budgetWaitMs)
      return
    const { granted } = this.#waiting
    this.#wakeUp()
    granted.reject(new AppError('BUSY'))
  }

  /** For the budget. */
  evict(): void {
    this[Symbol.dispose]()
    this.holder.evict()
  }

  [Symbol.dispose](): void {
    if (this.#isClosed) return
    const waiting = this.#waiting
    this.#wakeUp()
    this.readAhead(0)
    this.release(this.#heldBytes)
    this.#isClosed = true
    this.#budget.close(this)
    waiting?.granted.reject(new AppError('BUSY'))
  }

  #wakeUp(): void {
    this.#waiting = undefined
    this.#budget.onWaitEnded(this)
  }
}

/** For connections that this process dialled: unlimited. */
export const unboundedAccount: Account = {
  readAhead() {},
  hold() {},
  release() {},
  tryTake: () => true,
  take: () => undefined,
  [Symbol.dispose]() {},
}

function largest<T>(all: Iterable<T>, sizeOf: (one: T) => number): T | undefined {
  let best: T | undefined
  let bestSize = Number.NEGATIVE_INFINITY
  for (const one of all) {
    const size = sizeOf(one)
    if (size > bestSize) [best, bestSize] = [one, size]
  }
  return best
}
