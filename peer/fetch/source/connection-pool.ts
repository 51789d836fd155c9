import type { Cancel, Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError, toAppError } from '../../../common/errors.ts'
import { deadlines, limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import { connect } from '../../../common/protocol/client.ts'
import type { Connection } from '../../../common/protocol/connection.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import { type Address, formatAddress, type Transport } from '../../../common/protocol/transport.ts'
import { ConnectionProgress } from './connection-progress.ts'

/** Unused connections kept to other peers. */
export const idlePeerConnectionsMax = 64
/**
 * An unused connection is closed after this: before `deadlines.connectionIdleMs`, so that the peer
 * does not close it under a request.
 */
export const peerConnectionIdleMs = 30_000
/** A failed address is not dialled again for this long. */
export const dialFailureMs = 2_000

/**
 * `control` is for short replies (chunk lists, contents of one chunk): one connection to a peer, shared
 * by all fetches. `replication` is the same for replicas, which may be throttled: users' downloads
 * never queue behind them. `bulk` is for runs of chunks: one connection per fetch, so that closing it
 * disturbs no other fetch.
 */
export type ConnectionUse = 'control' | 'replication' | 'bulk'

export type PeerAddress = Pick<Source, 'peerId' | 'host' | 'port'>

/** A connection in use; disposing releases it. */
export interface Lease extends Disposable {
  readonly connection: Pick<Connection, 'request' | 'silentMs' | 'isOpen'>
  /** The progress of its bytes, for all leases of it. */
  readonly progress: ConnectionProgress
  /** Closes the connection instead of releasing it. */
  discard(): void
}

interface Slot {
  readonly address: string
  readonly use: ConnectionUse
  readonly connecting: Promise<Connection>
  readonly progress: ConnectionProgress
  connection: Connection | undefined
  leases: number
  cancelIdleTimer: Cancel
}

/**
 * Connections from this peer to others. Each fetch uses its own; idle ones are kept for a while, at
 * most `idlePeerConnectionsMax`. An address that could not be dialled fails immediately for
 * `dialFailureMs`, so that a dead peer costs a batch of small fetches one time-out.
 */
export class ConnectionPool implements AsyncDisposable {
  readonly #ownPeerId: string | undefined
  readonly #transport: Transport
  readonly #clock: Clock
  readonly #log: Log
  readonly #onDialFailed: (peerId: string) => void
  readonly #stop = new AbortController()
  /** The least recently used first. */
  readonly #slots = new Set<Slot>()
  readonly #dialFailures = new Map<string, { error: AppError; atMs: number }>()

  constructor(
    /** Without it, the other side sees a client. */
    options: { ownPeerId?: string },
    dependencies: {
      transport: Transport
      clock: Clock
      log: Log
      /** Called with each peer that could not be reached. */
      onDialFailed?: (peerId: string) => void
    },
  ) {
    this.#ownPeerId = options.ownPeerId
    this.#transport = dependencies.transport
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#onDialFailed = dependencies.onDialFailed ?? (() => {})
  }

  /** Connections that are open or being opened. */
  get size(): number {
    return this.#slots.size
  }

  /**
   * A connection to `peer`, an open one if there is any.
   * @throws AppError DIAL_FAILED (also when another peer answers there), DEADLINE_EXCEEDED,
   *   STOPPING, what the other side refuses with; or the signal's reason
   */
  async lease(peer: PeerAddress, use: ConnectionUse, signal?: AbortSignal): Promise<Lease> {
    if (this.#stop.signal.aborted) throw new AppError('STOPPING')
    const address = formatAddress(peer)
    const slot = this.#reusable(address, use) ?? this.#dial(peer, address, use)
    slot.cancelIdleTimer()
    slot.leases += 1
    try {
      const what = `Connecting to ${address}`
      const deadline = { what, deadlineMs: deadlines.dialMs, signal }
      const connection = await withDeadline(deadline, this.#clock, () => slot.connecting)
      return this.#leaseOf(slot, connection)
    } catch (error) {
      this.#release(slot)
      throw error
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new AppError('STOPPING'))
    for (const { cancelIdleTimer, connection } of this.#slots) {
      cancelIdleTimer()
      connection?.destroy()
    }
    while (this.#slots.size > 0) {
      const ends = [...this.#slots].map(async (slot) => {
        const connection = await slot.connecting.catch(() => undefined)
        connection?.destroy()
        await connection?.closed
        this.#slots.delete(slot)
      })
      await Promise.all(ends)
    }
  }

  #reusable(address: string, use: ConnectionUse): Slot | undefined {
    for (const slot of this.#slots) {
      const isUsable = slot.connection === undefined || slot.connection.isOpen
      const hasRoom = use !== 'bulk' || slot.leases === 0
      if (slot.address === address && slot.use === use && isUsable && hasRoom) return slot
    }
    return undefined
  }

  #dial(peer: PeerAddress, address: string, use: ConnectionUse): Slot {
    const failure = this.#dialFailures.get(address)
    if (failure && this.#clock.monotonicMs() - failure.atMs < dialFailureMs) throw failure.error
    const connecting = this.#connect(peer, address)
    const slot: Slot = {
      address,
      use,
      connecting,
      progress: new ConnectionProgress({ clock: this.#clock }),
      connection: undefined,
      leases: 0,
      cancelIdleTimer: () => {},
    }
    this.#slots.add(slot)
    const forget = (): boolean => this.#slots.delete(slot)
    connecting.then((connection) => {
      slot.connection = connection
      connection.closed.then(forget, forget)
    }, forget)
    return slot
  }

  async #connect({ peerId, host, port }: PeerAddress, address: string): Promise<Connection> {
    try {
      const { connection, welcome } = await connect(
        {
          transport: this.#transport,
          address: { host, port } satisfies Address,
          role: 'peer',
          hello:
            this.#ownPeerId === undefined
              ? { role: 'client' }
              : { role: 'peer', peerId: this.#ownPeerId },
          signal: this.#stop.signal,
        },
        { clock: this.#clock, log: this.#log },
      )
      if (welcome.peerId === peerId) return connection
      connection.destroy()
      throw new AppError('DIAL_FAILED', {
        address,
        reason: `${peerId} is no longer at this address`,
      })
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#rememberFailure(address, toAppError(error))
        this.#onDialFailed(peerId)
      }
      throw error
    }
  }

  #rememberFailure(address: string, error: AppError): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [other, { atMs }] of this.#dialFailures)
      if (nowMs - atMs >= dialFailureMs) this.#dialFailures.delete(other)
    if (this.#dialFailures.size < limits.peersMax)
      this.#dialFailures.set(address, { error, atMs: nowMs })
  }

  #leaseOf(slot: Slot, connection: Connection): Lease {
    let isReturned = false
    const returnOnce = (): void => {
      if (!isReturned) this.#release(slot)
      isReturned = true
    }
    return {
      connection,
      progress: slot.progress,
      discard: () => {
        connection.destroy()
        returnOnce()
      },
      [Symbol.dispose]: returnOnce,
    }
  }

  #release(slot: Slot): void {
    slot.leases -= 1
    if (slot.leases > 0 || !this.#slots.has(slot)) return
    this.#slots.delete(slot)
    this.#slots.add(slot)
    slot.cancelIdleTimer = this.#clock.after(peerConnectionIdleMs, () => slot.connection?.destroy())
    const idle = [...this.#slots].filter(({ leases }) => leases === 0)
    for (const { connection } of idle.slice(0, -idlePeerConnectionsMax)) connection?.destroy()
  }
}
