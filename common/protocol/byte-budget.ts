import type { Cancel, Clock } from '../clock.ts'
import { AppError } from '../errors.ts'
import { deadlines } from '../limits.ts'
import { hostKeyOf, mayHold } from './host-share.ts'

export interface BudgetOptions {
  /** What hosts share. */
  readonly bytesMax: number
  /** Beyond it the one that holds the most is cut off, whatever it is doing. */
  readonly hardBytesMax: number
  /** What each account may hold whatever others hold, so that small requests never wait. */
  readonly ownBytes: number
}

/** Whose memory an account counts: one connection. */
export interface Holder {
  /** Milliseconds for which it has taken nothing of what is sent to it, or not finished what it began to send. */
  stalledMs(): number
  /** Ends it at once. */
  evict(): void
}

/** What one connection holds of a budget. Disposing gives everything back. */
export interface Account extends Disposable {
  /** Counts what may be read ahead while the connection is not read from, in place of what it counted before. */
  readAhead(bytes: number): void
  /** Counts bytes that are there already. */
  hold(bytes: number): void
  release(bytes: number): void
  /** Holds bytes if the share of the host allows it. */
  tryTake(bytes: number): boolean
  /**
   * Holds bytes when the share of the host allows it: undefined when that is now. An account waits for
   * one thing at a time.
   * @throws (rejects with) AppError BUSY after `deadlines.budgetWaitMs`, or when the account is disposed
   */
  take(bytes: number): Promise<void> | undefined
}

interface Host {
  readonly key: string
  readonly accounts: Set<BudgetAccount>
  /** In the order in which they came. */
  readonly waiting: Set<BudgetAccount>
  bytes: number
}

interface Waiting {
  readonly bytes: number
  readonly sinceMs: number
  readonly turn: PromiseWithResolvers<void>
}

/**
 * The memory that a server spends on those who are connected to it: frames that are coming in, requests
 * that are being answered, what waits to be sent. Bounds per connection would be none, because there are
 * thousands. Each host has a share, see {@link mayHold}; who has used up his is not read from until
 * something is given back. Those who hold memory and stand still make room for those who wait.
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

  /** Accounts that wait for room. */
  get waitingCount(): number {
    return this.#waitingCount
  }

  /** An account for a connection from `host`. */
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

  /** For accounts: whether it takes no share of what others may have, too. */
  isOwn(account: BudgetAccount, bytes: number): boolean {
    return account.heldBytes + bytes <= this.#options.ownBytes
  }

  /** For accounts. */
  mayTake(account: BudgetAccount, bytes: number): boolean {
    const { bytesMax, hardBytesMax } = this.#options
    if (this.isOwn(account, bytes)) return true
    // The first thing of a connection is let through while there is any room at all.
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
  onWaitingNoMore(account: BudgetAccount): void {
    if (account.host.waiting.delete(account)) this.#waitingCount -= 1
  }

  /** For accounts. */
  close(account: BudgetAccount): void {
    const { host } = account
    this.onWaitingNoMore(account)
    host.accounts.delete(account)
    if (host.accounts.size === 0) this.#hosts.delete(host.key)
  }

  #letIn(): void {
    for (const host of this.#hosts.values())
      for (const account of host.waiting) if (!account.proceed()) break
  }

  /** While somebody waits: those who stand still are ended, those who have waited for too long are told. */
  #watch(): void {
    if (this.#cancelTimer !== undefined || this.#waitingCount === 0) return
    this.#cancelTimer = this.#clock.after(deadlines.budgetCheckMs, () => {
      this.#cancelTimer = undefined
      for (const host of this.#hosts.values())
        for (const account of host.waiting) account.expire(this.#clock.monotonicMs())
      this.#relieve()
      this.#letIn()
      this.#watch()
    })
  }

  /** Ends those of the host with the most that have stood still, the largest first, until others fit. */
  #relieve(): void {
    while (this.#waitingCount > 0) {
      const stalled = [...(this.#largestHost()?.accounts ?? [])].filter(
        ({ heldBytes, holder }) =>
          heldBytes > this.#options.ownBytes && holder.stalledMs() >= deadlines.budgetStallMs,
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

  /** What it holds, except what was read ahead: that is there because it waits. */
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
    // Nothing overtakes those of the same host that wait, except what needs no share.
    const mayOvertake = this.#budget.isOwn(this, bytes) || this.#heldBytes === 0
    if ((mayOvertake || this.host.waiting.size === 0) && this.tryTake(bytes)) return undefined
    this.#waiting = { bytes, sinceMs: this.#budget.nowMs(), turn: Promise.withResolvers() }
    const { promise } = this.#waiting.turn
    this.#budget.onWaiting(this)
    return promise
  }

  /** For the budget: goes on if there is room now. */
  proceed(): boolean {
    if (this.#waiting === undefined) return true
    const { bytes, turn } = this.#waiting
    if (!this.#budget.mayTake(this, bytes)) return false
    this.#wakeUp()
    this.hold(bytes)
    turn.resolve()
    return true
  }

  /** For the budget: gives up if it has waited for too long. */
  expire(nowMs: number): void {
    if (this.#waiting === undefined || nowMs - this.#waiting.sinceMs < deadlines.budgetWaitMs)
      return
    const { turn } = this.#waiting
    this.#wakeUp()
    turn.reject(new AppError('BUSY'))
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
    waiting?.turn.reject(new AppError('BUSY'))
  }

  #wakeUp(): void {
    this.#waiting = undefined
    this.#budget.onWaitingNoMore(this)
  }
}

/** For connections that this process dialled itself: as many as it wants. */
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
