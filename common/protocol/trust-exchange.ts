import { reasonOf } from '../errors.ts'
import type { SignedTrust } from '../identity/trust.ts'
import type { Log } from '../log.ts'
import type { Connection } from './connection.ts'
import type { ReplyOf, RequestOf } from './messages.ts'
import type { TrustHolder } from './transport.ts'

/**
 * Keeps the trust documents of both ends of a connection equal: they are compared when it is opened, and
 * each newer one is sent on, so that a revocation spreads over all open connections.
 */
export class TrustExchange {
  readonly #holder: TrustHolder
  readonly #log: Log
  #connection: Connection | undefined
  /** The version that the other side has, as far as is known. */
  #theirs = 0
  /** The version that was last sent. */
  #sending = 0

  constructor(holder: TrustHolder, { log }: { log: Log }) {
    this.#holder = holder
    this.#log = log
  }

  get number(): number {
    return this.#holder.trust.number
  }

  /** Both sides have said hello; `theirs` is the version of the other one. */
  onGreeted(connection: Connection, theirs: number | undefined): void {
    this.#connection = connection
    this.#theirs = Math.max(this.#theirs, theirs ?? 0)
    connection.onClosed(this.#holder.onChange(() => this.#send()))
    if (this.#theirs !== this.number) this.#send()
  }

  /** Answers the message of the other side. @throws AppError TRUST_REFUSED */
  answer({ number, trust }: RequestOf<'exchange-trust'>): ReplyOf<'exchange-trust'> {
    this.#take(trust)
    this.#theirs = Math.max(this.#theirs, number)
    if (number >= this.number) return { number: this.number }
    this.#theirs = this.number
    return { number: this.number, trust: this.#holder.signedTrust }
  }

  #take(trust: SignedTrust | undefined): void {
    if (trust !== undefined && this.#holder.accept(trust))
      this.#log.info({ number: this.number }, 'learned of changes in the cluster’s members')
  }

  #send(): void {
    const connection = this.#connection
    if (connection?.isOpen !== true) return
    const { number } = this
    const isNewer = number > this.#theirs
    if (number === this.#theirs || number === this.#sending) return
    this.#sending = number
    const request = isNewer ? { number, trust: this.#holder.signedTrust } : { number }
    connection
      .request('exchange-trust', request)
      .then((reply) => {
        this.#theirs = Math.max(this.#theirs, reply.number)
        this.#take(reply.trust)
      })
      // Also of a reply with a document that is refused: the other side may send anything.
      .catch((error: unknown) => {
        this.#sending = 0
        this.#log.debug(
          { remote: connection.remote, reason: reasonOf(error) },
          'a trust document was not exchanged',
        )
      })
  }
}

/** The trust document's version, for a hello. */
export function trustNumber(exchange: TrustExchange | undefined): { trust?: number } {
  return exchange === undefined ? {} : { trust: exchange.number }
}
