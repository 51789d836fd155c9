import type { Clock } from '../../common/clock.ts'
import { AppError } from '../../common/errors.ts'
import type { ProvenIdentity } from '../../common/identity/cluster-role.ts'
import type { Log } from '../../common/log.ts'
import { connect } from '../../common/protocol/client.ts'
import type { Connection } from '../../common/protocol/connection.ts'
import type { MessageType, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import { type Address, formatAddress, type Transport } from '../../common/protocol/transport.ts'
import type { MeshLink } from './mesh-link.ts'

/** Connections kept open for the next request. */
const connectionsMax = 64
/** An unused connection is closed after this. */
const idleMs = 60_000

/** A member of the mesh, and where it listens. */
export interface Target {
  readonly address: Address
  /** Undefined if it is not known who answers there. */
  readonly peerId?: string | undefined
}

interface Open {
  readonly connected: Promise<Connection>
  /** Once it is connected. */
  connection?: Connection
  usedMs: number
}

/** Requests to other peers of a mesh, over connections that are shared and kept for a while. */
export class MemberConnections implements MeshLink, AsyncDisposable {
  readonly #peerId: string
  readonly #dependencies: {
    readonly transport: Transport
    readonly clock: Clock
    readonly log: Log
  }
  /** The least recently used one first. */
  readonly #open = new Map<string, Open>()
  readonly #ending = new AbortController()

  constructor(
    { peerId }: { peerId: string },
    dependencies: { transport: Transport; clock: Clock; log: Log },
  ) {
    this.#peerId = peerId
    this.#dependencies = dependencies
  }

  /**
   * @throws AppError DIAL_FAILED, DEADLINE_EXCEEDED, BAD_REPLY if another peer answers, the other
   *   peer's refusal; or the signal's reason
   */
  async request<T extends MessageType>(
    target: Target,
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>> {
    return (await this.ask(target, type, body, signal)).reply
  }

  /**
   * The same.
   * @returns also who has proven to answer
   */
  async ask<T extends MessageType>(
    target: Target,
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<{ readonly reply: ReplyOf<T>; readonly proven: ProvenIdentity | undefined }> {
    signal.throwIfAborted()
    const connection = await settledBefore(this.#connectionTo(target), signal)
    const reply = await connection.request(type, body, { signal })
    return { reply, proven: connection.proven }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new AppError('STOPPING'))
    const open = [...this.#open.values()]
    this.#open.clear()
    await Promise.allSettled(
      open.map(async ({ connected }) => (await connected)[Symbol.asyncDispose]()),
    )
  }

  async #connectionTo(target: Target): Promise<Connection> {
    this.#ending.signal.throwIfAborted()
    const key = `${target.peerId ?? ''}@${formatAddress(target.address)}`
    this.#closeUnused()
    const known = this.#open.get(key)
    if (known !== undefined) {
      const connection = await known.connected
      if (connection.isOpen) {
        known.usedMs = this.#dependencies.clock.monotonicMs()
        this.#open.delete(key)
        this.#open.set(key, known)
        return connection
      }
      if (this.#open.get(key) === known) this.#open.delete(key)
    }
    const usedMs = this.#dependencies.clock.monotonicMs()
    const opened: Open = this.#open.get(key) ?? { connected: this.#dial(target), usedMs }
    this.#open.set(key, opened)
    try {
      return (opened.connection = await opened.connected)
    } catch (error) {
      if (this.#open.get(key) === opened) this.#open.delete(key)
      throw error
    }
  }

  async #dial({ peerId, address }: Target): Promise<Connection> {
    const { transport } = this.#dependencies
    const { signal } = this.#ending
    const hello = { role: 'peer', peerId: this.#peerId } as const
    const { connection, welcome } = await connect(
      { transport, address, role: 'peer', hello, signal },
      this.#dependencies,
    )
    if (peerId === undefined || welcome.peerId === peerId) return connection
    connection.destroy()
    throw new AppError('BAD_REPLY', {
      address: formatAddress(address),
      request: 'hello',
      reason: `it is ${welcome.peerId ?? 'a peer without an id'}, not ${peerId}`,
    })
  }

  /** Those of which an answer is awaited are used, however old they are. */
  #closeUnused(): void {
    const oldMs = this.#dependencies.clock.monotonicMs() - idleMs
    for (const [key, { connection, usedMs }] of this.#open) {
      if (usedMs > oldMs && this.#open.size < connectionsMax) return
      if (connection === undefined || connection.isBusy) continue
      this.#open.delete(key)
      connection.destroy()
    }
  }
}

/**
 * What `work` settles with, if it does before the signal is aborted; a dial serves other requests, too,
 * and goes on.
 * @throws the signal's reason
 */
async function settledBefore<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = (): void => reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
