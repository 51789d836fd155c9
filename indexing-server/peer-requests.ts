import type { BackgroundWork } from '../common/background.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import type { ProvenIdentity } from '../common/identity/cluster-role.ts'
import type { Log } from '../common/log.ts'
import type { BulkSink } from '../common/protocol/bulk.ts'
import type { Connection } from '../common/protocol/connection.ts'
import type { ReplyOf, RequestOf, Task } from '../common/protocol/messages.ts'
import type { Relabelling } from '../common/protocol/trash-messages.ts'
import type { ProofRequests } from './proofs/challenger.ts'

interface Dependencies {
  /** The connection on which a peer is registered; undefined if it has none. */
  readonly connectionOf: (peerId: string) => Connection | undefined
  readonly background: BackgroundWork
  readonly log: Log
}

/** The requests that the index sends to peers, each on the peer's own connection. */
export class PeerRequests implements ProofRequests {
  readonly #connectionOf: Dependencies['connectionOf']
  readonly #background: BackgroundWork
  readonly #log: Log

  constructor({ connectionOf, background, log }: Dependencies) {
    this.#connectionOf = connectionOf
    this.#background = background
    this.#log = log
  }

  isConnected(peerId: string): boolean {
    return this.#connectionOf(peerId) !== undefined
  }

  /**
   * Who the peer that is registered has proven to be; undefined where nothing is proven.
   * @throws AppError NOT_REGISTERED if the peer has no connection
   */
  provenOf(peerId: string): ProvenIdentity | undefined {
    return this.#connectionFor(peerId, 'hello').proven
  }

  /** @throws AppError NOT_REGISTERED if the peer has no connection, and the peer's answer */
  async sendTasks(peerId: string, tasks: Task[], signal: AbortSignal): Promise<void> {
    await this.#connectionFor(peerId, 'tasks').request('tasks', { tasks }, { signal })
  }

  /** @throws AppError NOT_REGISTERED if the peer has no connection, and the peer's answer */
  async cancelTasks(peerId: string, taskIds: string[], signal: AbortSignal): Promise<void> {
    const connection = this.#connectionFor(peerId, 'cancel-tasks')
    await connection.request('cancel-tasks', { taskIds }, { signal })
  }

  /**
   * Asks a peer which of these contents it still has.
   * @returns for each, in the same order
   * @throws AppError NOT_REGISTERED if it has no connection, DEADLINE_EXCEEDED, and the peer's answer
   */
  async confirmCopies(
    peerId: string,
    sha256s: string[],
    options: { signal: AbortSignal; deadlineMs: number },
  ): Promise<readonly boolean[]> {
    const connection = this.#connectionFor(peerId, 'confirm-copies')
    return (await connection.request('confirm-copies', { sha256s }, options)).confirmed
  }

  /**
   * Asks a peer to move replicated copies.
   * @returns for each, in the same order, whether it did
   * @throws AppError NOT_REGISTERED if it has no connection, DEADLINE_EXCEEDED, and the peer's answer
   */
  async relabel(
    peerId: string,
    copies: Relabelling[],
    options: { signal: AbortSignal; deadlineMs: number },
  ): Promise<readonly boolean[]> {
    const connection = this.#connectionFor(peerId, 'relabel')
    return (await connection.request('relabel', { copies }, options)).relabelled
  }

  /** @throws AppError NOT_REGISTERED if the peer has no connection, and the peer's answer */
  async restoreFile(peerId: string, request: RequestOf<'restore-file'>): Promise<void> {
    await this.#connectionFor(peerId, 'restore-file').request('restore-file', request)
  }

  /**
   * Has a peer keep a page of decisions.
   * @returns up to which revision it has this log
   * @throws AppError NOT_REGISTERED if the peer has no connection, and the peer's answer
   */
  async keepIntent(
    peerId: string,
    page: RequestOf<'keep-intent'>,
    signal: AbortSignal,
  ): Promise<number> {
    const connection = this.#connectionFor(peerId, 'keep-intent')
    return (await connection.request('keep-intent', page, { signal })).revision
  }

  /** @throws AppError NOT_REGISTERED if the peer has no connection, and the peer's answer */
  async readIntent(
    peerId: string,
    page: RequestOf<'read-intent'>,
    signal: AbortSignal,
  ): Promise<ReplyOf<'read-intent'>> {
    return await this.#connectionFor(peerId, 'read-intent').request('read-intent', page, { signal })
  }

  /** See {@link ProofRequests}. */
  async prove(
    peerId: string,
    challenge: RequestOf<'prove'>,
    options: { signal: AbortSignal; deadlineMs: number },
  ): Promise<string> {
    return (await this.#connectionFor(peerId, 'prove').request('prove', challenge, options)).proof
  }

  /** See {@link ProofRequests}. */
  async showChunk(
    peerId: string,
    wanted: RequestOf<'show-chunk'>,
    options: { signal: AbortSignal; deadlineMs: number; into: BulkSink },
  ): Promise<void> {
    await this.#connectionFor(peerId, 'show-chunk').request('show-chunk', wanted, options)
  }

  /** Asks a peer to verify its copies of a content, if it is connected. */
  verify(peerId: string, sha256: string): void {
    const connection = this.#connectionOf(peerId)
    if (connection === undefined) return
    this.#background.start('have a copy verified', async (signal) => {
      try {
        await connection.request('verify', { sha256 }, { signal })
      } catch (error) {
        this.#log.debug({ peerId, sha256, reason: reasonOf(error) }, 'copy was not verified')
      }
    })
  }

  /** Tells a peer whether its address answered, if it is connected. */
  tellReached(peerId: string, result: RequestOf<'reached'>): void {
    const connection = this.#connectionOf(peerId)
    if (connection === undefined) return
    this.#background.start('tell a peer whether it was reached', async (signal) => {
      try {
        await connection.request('reached', result, { signal })
      } catch (error) {
        // It is told after its next registration.
        const reason = reasonOf(error)
        this.#log.debug({ peerId, reason }, 'peer was not told whether it was reached')
      }
    })
  }

  #connectionFor(peerId: string, type: string): Connection {
    const connection = this.#connectionOf(peerId)
    if (connection === undefined) throw new AppError('NOT_REGISTERED', { request: type })
    return connection
  }
}
