/** The write locks of WebDAV clients: in memory, so that they end with the process. */
import type { Clock } from '../../../common/clock.ts'
import { mayHold } from '../../../common/protocol/host-share.ts'
import { type Random, randomId } from '../../../common/random.ts'

export interface Lock {
  readonly token: string
  readonly name: string
  /** Where its client is. */
  readonly host: string
  /** Whether it applies to everything below the name. */
  readonly isDeep: boolean
  readonly isShared: boolean
  /** What the client says about its user, as XML. */
  readonly owner: string
  readonly timeoutSeconds: number
  readonly expiresMs: number
}

export type LockRequest = Omit<Lock, 'token' | 'expiresMs'>

/** Locks at the same time; a client holds a few, and those of one host get at most half. */
export const locksMax = 1_000
/** A client that is still there refreshes its lock. */
const lockSecondsMax = 3_600

export class LockTable {
  readonly #clock: Clock
  readonly #random: Random
  /** By token. */
  readonly #locks = new Map<string, Lock>()

  constructor({ clock, random }: { readonly clock: Clock; readonly random: Random }) {
    this.#clock = clock
    this.#random = random
  }

  /** @returns the new lock; the locks in conflict with it; or `full` */
  add(request: LockRequest): Lock | readonly Lock[] | 'full' {
    const others = [...this.on(request.name), ...(request.isDeep ? this.below(request.name) : [])]
    const conflicting = others.filter((lock) => !lock.isShared || !request.isShared)
    if (conflicting.length > 0) return conflicting
    if (!this.#hasRoomFor(request.host)) return 'full'
    const id = randomId(this.#random, 16)
    const uuid = id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    return this.#set({ ...request, token: `urn:uuid:${uuid}`, expiresMs: 0 })
  }

  /** Extends a lock of this name. @returns undefined if it does not exist */
  refresh(name: string, token: string, timeoutSeconds: number | undefined): Lock | undefined {
    const lock = this.on(name).find((one) => one.token === token)
    return lock && this.#set({ ...lock, timeoutSeconds: timeoutSeconds ?? lock.timeoutSeconds })
  }

  /** @returns whether there was such a lock on this name */
  remove(name: string, token: string): boolean {
    return this.on(name).some((lock) => lock.token === token) && this.#locks.delete(token)
  }

  /** A file or folder is gone, and with it the locks on it and below it. */
  removeAll(name: string): void {
    for (const lock of this.#alive())
      if (lock.name === name || isBelow(lock.name, name)) this.#locks.delete(lock.token)
  }

  /** The locks that apply to a name: its own, and deep ones above it. */
  on(name: string): Lock[] {
    return this.#alive().filter(
      (lock) => lock.name === name || (lock.isDeep && isBelow(name, lock.name)),
    )
  }

  /** The locks on names below a name. */
  below(name: string): Lock[] {
    return this.#alive().filter((lock) => isBelow(lock.name, name))
  }

  /**
   * The locks that forbid a change to a client with these tokens.
   * @param change.isDeep whether it changes everything below the name
   * @param change.isMembership whether the name appears or disappears, which changes its folder
   */
  against(
    change: { readonly name: string; readonly isDeep: boolean; readonly isMembership: boolean },
    tokens: ReadonlySet<string>,
  ): Lock[] {
    const { name } = change
    const folder = name.includes('/') ? name.slice(0, name.lastIndexOf('/')) : ''
    const ofFolder = change.isMembership && name !== '' ? this.on(folder) : []
    const below = change.isDeep ? this.below(name) : []
    const byName = Map.groupBy(new Set([...this.on(name), ...ofFolder, ...below]), (l) => l.name)
    // One of several shared locks of a name is enough.
    return [...byName.values()].flatMap((locks) =>
      locks.some(({ token }) => tokens.has(token)) ? [] : locks,
    )
  }

  #hasRoomFor(host: string): boolean {
    const ofHost = [...this.#locks.values()].filter((lock) => lock.host === host).length
    return mayHold(1, { bytesMax: locksMax, usedBytes: this.#locks.size, hostBytes: ofHost })
  }

  #set(lock: Lock): Lock {
    const expiresMs = this.#clock.monotonicMs() + 1_000 * lock.timeoutSeconds
    const timed = { ...lock, expiresMs }
    this.#locks.set(lock.token, timed)
    return timed
  }

  #alive(): Lock[] {
    const nowMs = this.#clock.monotonicMs()
    for (const { token, expiresMs } of this.#locks.values())
      if (expiresMs <= nowMs) this.#locks.delete(token)
    return [...this.#locks.values()]
  }
}

function isBelow(name: string, folder: string): boolean {
  return name !== folder && (folder === '' || name.startsWith(`${folder}/`))
}

/** The time that a client asks for in its Timeout header, bounded. */
export function timeoutSecondsOf(header: string | undefined): number | undefined {
  if (header === undefined) return undefined
  const [first = ''] = header.split(',', 1)
  const seconds = /^\s*Second-(\d{1,10})\s*$/i.exec(first)?.[1]
  return seconds === undefined
    ? lockSecondsMax
    : Math.min(Math.max(1, Number(seconds)), lockSecondsMax)
}
