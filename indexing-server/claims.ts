import { AppError, hasCode } from '../common/errors.ts'
import { deadlines, limits } from '../common/limits.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { PeerState } from '../common/protocol/messages.ts'
import { formatAddress } from '../common/protocol/transport.ts'

/** What is needed of a connection to find out whether its peer is still there. */
export type ProbedConnection = Pick<Connection, 'remote' | 'request'>

/** The process that has a peer id now. */
export interface Incumbent {
  readonly epoch: string
  readonly state: PeerState
  readonly connection: ProbedConnection | undefined
}

/**
 * Decides who has a peer id when a process says hello with it. The one that has it keeps it for as
 * long as it answers: a copy of its data folder, started beside it, never disturbs it. A process that
 * was refused in this way is refused until the other is dead, so that it does not slip in while that
 * one's connection is lost for a moment; one that was restarted gets its id back.
 */
export class Claims {
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #probes = new Map<ProbedConnection, Promise<boolean>>()
  /** By peer: epochs of processes that were refused while another answered. */
  readonly #refused = new Map<string, Set<string>>()

  /** Runs `register` when no other registration of this id is under way. */
  async inTurn<T>(peerId: string, register: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(peerId)
    const registered = before === undefined ? register() : before.then(register)
    const turn = registered.then(
      () => {},
      () => {},
    )
    this.#turns.set(peerId, turn)
    try {
      return await registered
    } finally {
      if (this.#turns.get(peerId) === turn) this.#turns.delete(peerId)
    }
  }

  /** @throws AppError PEER_ID_TAKEN when another process has the id */
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

  /** The process of this epoch has the id now. */
  onTaken(peerId: string, epoch: string): void {
    this.#refused.get(peerId)?.delete(epoch)
  }

  /** The peer is not in the registry any more. */
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

  /** One probe at a time per connection, however many ask. */
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

/** Whether anything is answered in time; an error is an answer too, as of a peer that knows no `probe`. */
async function answersProbe(connection: ProbedConnection): Promise<boolean> {
  try {
    await connection.request('probe', {}, { deadlineMs: deadlines.probeMs })
    return true
  } catch (error) {
    return !hasCode(error, 'DEADLINE_EXCEEDED') && !hasCode(error, 'CONNECTION_CLOSED')
  }
}
