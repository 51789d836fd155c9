import type { FastifyReply } from 'fastify'
import type { Clock } from '../../../common/clock.ts'
import { withDeadline } from '../../../common/deadline.ts'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'

/**
 * The body of a reply, written piece by piece. The head is written with the first, so that a failure
 * before it is still answered as one; a later failure breaks the connection off, which tells the client
 * that the body is not whole.
 */
export class ReplyBody {
  readonly #reply: FastifyReply
  readonly #headers: Readonly<Record<string, string>>
  readonly #signal: AbortSignal
  readonly #clock: Clock
  isBegun = false
  /** Whether a write has failed, and so the connection is destroyed. */
  isBroken = false
  writtenBytes = 0

  constructor(
    reply: FastifyReply,
    headers: Readonly<Record<string, string>>,
    { signal, clock }: { signal: AbortSignal; clock: Clock },
  ) {
    this.#reply = reply
    this.#headers = headers
    this.#signal = signal
    this.#clock = clock
  }

  /**
   * Settles when the system no longer reads the bytes, which may be reused then: a failure destroys the
   * connection, with the bytes that are queued in it.
   * @throws AppError DEADLINE_EXCEEDED if the client takes none of them; or the signal's reason
   */
  readonly write = async (bytes: Uint8Array): Promise<void> => {
    const { raw } = this.#reply
    if (this.isBroken) throw new AppError('CANCELLED', { what: 'The reply' })
    this.#begin()
    const deadlineMs = (1_000 * bytes.length) / limits.sendBytesPerSecondMin + patienceMs
    const wait = { what: 'The client', deadlineMs, signal: this.#signal }
    try {
      await withDeadline(wait, this.#clock, async () => {
        const { promise, resolve, reject } = Promise.withResolvers<void>()
        raw.write(bytes, (error) => (error instanceof Error ? reject(error) : resolve()))
        await promise
      })
    } catch (error) {
      this.breakOff()
      throw error
    }
    this.writtenBytes += bytes.length
  }

  end(): void {
    this.#begin()
    this.#reply.raw.end()
  }

  breakOff(): void {
    this.isBroken = true
    this.#reply.raw.destroy()
  }

  #begin(): void {
    if (this.isBegun) return
    this.isBegun = true
    this.#reply.hijack()
    const { raw, statusCode } = this.#reply
    // A throttled reply is silent for long: a listener keeps the server from ending it.
    raw.on('timeout', () => {})
    const common = this.#reply.getHeaders() as Record<string, string>
    raw.writeHead(statusCode, { ...common, ...this.#headers })
  }
}

/** Waited for a few bytes, too. */
const patienceMs = 15_000
