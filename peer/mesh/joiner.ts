import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { deadlines } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import { type Address, formatAddress } from '../../common/protocol/transport.ts'
import type { Random } from '../../common/random.ts'
import type { Membership } from './membership.ts'
import type { MeshLink } from './mesh-link.ts'

/** A well-known host that returns is found within this many rounds. */
const retryRoundsMax = 10
/** An address of a member that was forgotten is tried every this many rounds. */
const rememberedRoundsMax = 60
/** A host that is gone takes seconds to be found so. */
const triesAtOnce = 4
/** Addresses of forgotten members: the newest are likely to return. */
const rememberedMax = 64

interface Door {
  readonly address: Address
  /** Whether it was given by the user, and is never given up. */
  readonly isWellKnown: boolean
  /** Who answered there the last time. */
  peerId?: string
  failures: number
  dueMs: number
}

interface Dependencies {
  readonly membership: Membership
  readonly link: MeshLink
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/** Enters the mesh through known addresses, for ever: whenever no member is live at one of them. */
export class Joiner {
  readonly #gossipMs: number
  readonly #doors = new Map<string, Door>()
  readonly #dependencies: Dependencies
  #isRunning = false

  constructor(
    options: { gossipMs: number; joins: readonly Address[]; remembered: readonly Address[] },
    dependencies: Dependencies,
  ) {
    this.#gossipMs = options.gossipMs
    this.#dependencies = dependencies
    for (const address of options.joins) this.#add(address, true)
    for (const address of options.remembered.slice(0, rememberedMax)) this.#add(address, false)
  }

  /** An address where there was a member: it is tried from time to time. */
  remember(address: Address): void {
    this.#add(address, false)
  }

  /**
   * Joins through an address, which is well-known from now on.
   * @throws AppError JOIN_SELF, NO_MESH, PEER_ID_TAKEN, or that the address cannot be reached
   */
  async join(address: Address, signal: AbortSignal): Promise<void> {
    const peerId = await this.#enter(address, signal)
    this.#doors.delete(formatAddress(address))
    this.#add(address, true).peerId = peerId
  }

  /**
   * Tries an address once.
   * @throws as {@link join}
   */
  async meet(address: Address, signal: AbortSignal): Promise<void> {
    await this.#enter(address, signal)
  }

  /** Tries all addresses that are due and where no member is live, well-known ones first. Never rejects. */
  async tryDue(signal: AbortSignal): Promise<void> {
    if (this.#isRunning) return
    this.#isRunning = true
    try {
      const nowMs = this.#dependencies.clock.monotonicMs()
      const due = [...this.#doors.values()]
        .filter((door) => door.dueMs <= nowMs)
        .toSorted((a, b) => Number(b.isWellKnown) - Number(a.isWellKnown))
      await inParallel(due, triesAtOnce, async (door) => {
        if (!signal.aborted && !this.#isOpen(door)) await this.#tryDoor(door, signal)
      })
    } finally {
      this.#isRunning = false
    }
  }

  async #tryDoor(door: Door, signal: AbortSignal): Promise<void> {
    const { log, clock, random } = this.#dependencies
    const { address } = door
    try {
      door.peerId = await this.#enter(address, signal)
      door.failures = 0
    } catch (error) {
      if (signal.aborted) return
      if (hasCode(error, 'JOIN_SELF')) {
        this.#doors.delete(formatAddress(address))
        return
      }
      door.failures += 1
      const what = { address: formatAddress(address), reason: reasonOf(error) }
      if (hasCode(error, 'PEER_ID_TAKEN')) log.warn(what, 'another peer uses the id of this one')
      else if (door.failures === 1 && door.isWellKnown)
        log.info(what, 'no mesh at this address yet')
      else log.debug(what, 'no mesh at this address')
    }
    const rounds = door.isWellKnown || this.#isAlone ? retryRoundsMax : rememberedRoundsMax
    const options = { firstMs: this.#gossipMs, maxMs: rounds * this.#gossipMs }
    door.dueMs = clock.monotonicMs() + backoffMs(Math.max(1, door.failures), options, random)
  }

  get #isAlone(): boolean {
    return this.#dependencies.membership.others.length === 0
  }

  /** Whether the member at an address is known to be live. */
  #isOpen({ address, peerId }: Door): boolean {
    const { membership } = this.#dependencies
    if (peerId !== undefined) return membership.table.get(peerId)?.state === 'live'
    return membership.others.some((other) => {
      const member = membership.table.get(other)
      const { host, port } = member?.record ?? {}
      return member?.state === 'live' && host === address.host && port === address.port
    })
  }

  /** @returns the peer that answered */
  async #enter(address: Address, signal: AbortSignal): Promise<string> {
    const { membership, link, clock } = this.#dependencies
    const { record } = membership.self
    const what = `Joining the mesh at ${formatAddress(address)}`
    const deadline = { what, deadlineMs: deadlines.dialMs, signal }
    const { members } = await withDeadline(deadline, clock, (inTime) =>
      link.request({ address }, 'mesh-join', { record }, inTime),
    )
    const peerId = members[0]?.record.peerId ?? ''
    if (peerId === membership.peerId)
      throw new AppError('JOIN_SELF', { address: formatAddress(address) })
    membership.merge(members, { host: address.host, peerId })
    membership.onAnswer({ peerId, ...address })
    return peerId
  }

  #add(address: Address, isWellKnown: boolean): Door {
    const key = formatAddress(address)
    const existing = this.#doors.get(key)
    if (existing !== undefined) return existing
    const door = { address, isWellKnown, failures: 0, dueMs: 0 }
    this.#doors.set(key, door)
    const remembered = [...this.#doors].filter(([, one]) => !one.isWellKnown)
    for (const [oldest] of remembered.slice(0, -rememberedMax)) this.#doors.delete(oldest)
    return door
  }
}
