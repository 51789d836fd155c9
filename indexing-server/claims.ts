import { AppError, hasCode } from '../common/errors.ts'
import { limits } from '../common/limits.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { PeerState } from '../common/protocol/messages.ts'
import { formatAddress } from '../common/protocol/transport.ts'

/**
 * A registered peer that does not answer a probe for this long loses its id to the newcomer, within
 * the newcomer's `deadlines.dialMs`.
 */
export const probeMs = 3_000

/** The part of a connection that is needed to probe its peer. */
export type ProbedConnection = Pick<Connection, 'remote' | 'request'>

/** The process that currently owns a peer id. */
export interface Incumbent {
  readonly epoch: string
  readonly state: PeerState
  readonly connection: ProbedConnection | undefined
}

/**
 * Decides which process owns a peer id when a hello with it arrives. The current owner keeps it as
 * long as it answers: a process started on a copy of its data folder never disturbs it. A process
 * that was refused stays refused until the owner is dead, so that it cannot take over during a
 * brief connection loss; a restarted owner gets its id back.
 */
export class Claims {
  readonly #registrations = new Map<string, Promise<unknown>>()
  readonly #probes = new Map<ProbedConnection, Promise<boolean>>()
  /** Per peer: epochs of processes that were refused while another one answered. */
  readonly #refused = new Map<string, Set<string>>()

  /** Runs `register` after earlier registrations of this id have finished. */
  async serially<T>(peerId: string, register: () => Promise<T>): Promise<T> {
    const before = this.#registrations.get(peerId)
    const registered = before === undefined ? register() : before.then(register)
    const registration = registered.then(
      () => {},
      () => {},
    )
    this.#registrations.set(peerId, registration)
    try {
      return await registered
    } finally {
      if (this.#registrations.get(peerId) === registration) this.#registrations.delete(peerId)
    }
  }

  /** @throws AppError PEER_ID_TAKEN if another process owns the id */
  async check(peerId: string, epoch: string, incumbent: Incumbent | undefined): Promise<void> {
    if (incumbent === undefined) return
    const { connection, state } = incumbent
    const isKnownCopy = state !== 'dead' && this.#refused.get(peerId)?.has(epoch) === true
    const isAnswering = connection !== undefined && (await this.#answers(connection))
    if (!isKnownCopy && !isAnswering) return
    if (epoch !== incumbent.epoch) this.#refuse(peerId, epoch)
    const address = connection === undefined ? 'elsewhere' : formatAddress(connection.remote)
    throw new AppError('PEER_ID_TAKEN', { peerId, address })
  }

  /** The process of this epoch now owns the id. */
  onTaken(peerId: string, epoch: string): void {
    this.#refused.get(peerId)?.delete(epoch)
  }

  /** The peer has left the registry. */
  forget(peerId: string): void {
    this.#refused.delete(peerId)
  }

  #refuse(peerId: string, epoch: string): void {
    const refused = this.#refused.get(peerId) ?? new Set()
    this.#refused.set(peerId, refused)
    refused.delete(epoch)
    refused.add(epoch)
    const [oldest] = refused
    if (refused.size > limits.refusedEpochsMax && oldest !== undefined) refused.delete(oldest)
  }

  /** At most one probe per connection at a time, shared by all callers. */
  async #answers(connection: ProbedConnection): Promise<boolean> {
    const running = this.#probes.get(connection)
    if (running !== undefined) return await running
    const probe = answersProbe(connection)
    this.#probes.set(connection, probe)
    try {
      return await probe
    } finally {
      this.#probes.delete(connection)
    }
  }
}

/**
 * Whether any answer arrives in time; an error counts, too, for example from a peer that does not
 * know `probe`.
 */
async function answersProbe(connection: ProbedConnection): Promise<boolean> {
  try {
    await connection.request('probe', {}, { deadlineMs: probeMs })
    return true
  } catch (error) {
    return !hasCode(error, 'DEADLINE_EXCEEDED') && !hasCode(error, 'CONNECTION_CLOSED')
  }
}
