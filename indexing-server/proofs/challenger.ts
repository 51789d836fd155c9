import type { Clock } from '../../common/clock.ts'
import { chunkBytesFor, chunkCountFor } from '../../common/content/chunks.ts'
import { withDeadline } from '../../common/deadline.ts'
import type { ErrorCode } from '../../common/error-table.ts'
import { toAppError } from '../../common/errors.ts'
import type { BulkSink } from '../../common/protocol/bulk.ts'
import type { Content, RequestOf } from '../../common/protocol/messages.ts'
import { type Random, randomId } from '../../common/random.ts'
import { ChunkCheck } from './chunk-check.ts'
import type { ProofAnswer } from './judge-answers.ts'
import type { Miss } from './misses.ts'

/** As for reading a chunk behind all other reads of a busy peer. */
const proofMs = 30_000
/** What a slow disk reads of a large chunk. */
const readBytesPerMsMin = 2_000
/** What a peer sends of a chunk: less than half of what limits assure to replication. */
const sentBytesPerMsMin = 10

interface AskOptions {
  readonly signal: AbortSignal
  readonly deadlineMs: number
}

/** The requests to registered peers. */
export interface ProofRequests {
  /** @throws AppError NOT_REGISTERED, DEADLINE_EXCEEDED, and the peer's answer */
  prove(peerId: string, challenge: RequestOf<'prove'>, options: AskOptions): Promise<string>
  /** @throws AppError NOT_REGISTERED, DEADLINE_EXCEEDED, and the peer's answer */
  showChunk(
    peerId: string,
    wanted: RequestOf<'show-chunk'>,
    options: AskOptions & { readonly into: BulkSink },
  ): Promise<void>
}

export interface Challenge {
  /** The chunk that all were asked for. */
  readonly chunk: number
  readonly answers: ReadonlyMap<string, ProofAnswer>
}

/** Asks holders about a random chunk of a content. */
export class Challenger {
  readonly #requests: ProofRequests
  readonly #clock: Clock
  readonly #random: Random

  constructor(dependencies: { requests: ProofRequests; clock: Clock; random: Random }) {
    this.#requests = dependencies.requests
    this.#clock = dependencies.clock
    this.#random = dependencies.random
  }

  /** Has all these peers prove the same chunk, at the same time. @throws the signal's reason */
  async ask(
    { sha256, size }: Content,
    peerIds: readonly string[],
    signal: AbortSignal,
  ): Promise<Challenge> {
    const chunk = Math.floor(this.#random.fraction() * chunkCountFor(size))
    const challenge = { sha256, chunk, nonce: randomId(this.#random, 16) }
    const deadlineMs = proofMs + chunkBytesFor(size) / readBytesPerMsMin
    const ask = async (peerId: string): Promise<ProofAnswer> => {
      try {
        const proof = await this.#requests.prove(peerId, challenge, { signal, deadlineMs })
        return { kind: 'proof', proof }
      } catch (error) {
        signal.throwIfAborted()
        return { kind: missOf(error) }
      }
    }
    const answers = peerIds.map(async (peerId) => [peerId, await ask(peerId)] as const)
    return { chunk, answers: new Map(await Promise.all(answers)) }
  }

  /**
   * Has a peer show the chunk.
   * @returns whether it is the one of the content
   * @throws the signal's reason
   */
  async show(
    content: Content,
    chunk: number,
    peerId: string,
    signal: AbortSignal,
  ): Promise<'passed' | 'wrong' | Miss> {
    const { sha256 } = content
    const into = new ChunkCheck(content, chunk)
    const deadlineMs = proofMs + into.bytes / sentBytesPerMsMin
    try {
      await withDeadline({ what: 'The chunk', deadlineMs, signal }, this.#clock, (inTime) =>
        this.#requests.showChunk(peerId, { sha256, chunk }, { into, signal: inTime, deadlineMs }),
      )
    } catch (error) {
      signal.throwIfAborted()
      return into.isRefused ? 'wrong' : missOf(error)
    }
    return into.isTrue() ? 'passed' : 'wrong'
  }
}

/** A peer without time, or without a connection, says nothing about its copy. */
const busyCodes: readonly ErrorCode[] = [
  'BUSY',
  'STOPPING',
  'CONNECTION_CLOSED',
  'NOT_REGISTERED',
  'DIAL_FAILED',
  'TOO_MANY_CONNECTIONS',
]

function missOf(error: unknown): Miss {
  const { code } = toAppError(error)
  if (code === 'DEADLINE_EXCEEDED') return 'late'
  return busyCodes.includes(code) ? 'busy' : 'absent'
}
