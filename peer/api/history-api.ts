import type { Clock } from '../../common/clock.ts'
import { AppError, toAppError } from '../../common/errors.ts'
import { parsePeerId } from '../../common/ids.ts'
import { inParallel } from '../../common/in-parallel.ts'
import type { RunningTransfer, Sample } from '../../common/protocol/history-messages.ts'
import type { PeerInfo, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { HistoryCall } from './history-calls.ts'
import { beforeAt, cursorOf, type HistoryRow, merged, type RowAt } from './merge-history.ts'

/** How long one of many peers may take to answer: a page waits for the slowest. */
const peerAnswerMs = 3_000
/** Peers asked at the same time. */
const askedAtOnce = 16
/** Peers asked for one page, in the order of their ids. */
const askedMax = 200
/** Samples of one reply: as many as a chart has pixels for. */
const samplesMax = 360
const hourMs = 3_600_000

export type HistoryMessage = 'past-transfers' | 'past-queries'

interface Dependencies {
  readonly peerId: string
  readonly own: {
    transfers(request: RequestOf<'past-transfers'>): ReplyOf<'past-transfers'>
    queries(request: RequestOf<'past-queries'>): ReplyOf<'past-queries'>
    samplesSince(timeMs: number): Sample[]
  }
  readonly running: () => RunningTransfer[]
  readonly sampleEveryMs: number
  /** All peers that the index knows. @throws AppError INDEX_UNREACHABLE */
  readonly peers: (signal: AbortSignal | undefined) => Promise<readonly PeerInfo[]>
  /** @throws AppError of the connection or the peer; or the signal's reason */
  readonly ask: <T extends HistoryMessage>(
    peer: Pick<PeerInfo, 'peerId' | 'host' | 'port'>,
    type: T,
    request: RequestOf<T>,
    options: { readonly deadlineMs: number; readonly signal: AbortSignal | undefined },
  ) => Promise<ReplyOf<T>>
  readonly clock: Clock
}

interface Answer<Row> {
  readonly rows: readonly Row[]
  readonly isMore: boolean
}

/** How one kind of row is read: here, and at another peer. */
interface Reading<Row> {
  readonly here: (before: string | undefined) => Answer<Row>
  readonly there: (peer: PeerInfo, before: string | undefined) => Promise<Answer<Row>>
}

interface Merged<Row> {
  readonly rows: RowAt<Row>[]
  readonly next?: string
  readonly missing: { peerId: string; code: string }[]
}

/** The calls about the history, of this peer and of others. */
export class HistoryApi implements Pick<PeerApi, HistoryCall> {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async transfers(): Promise<CallReply<'transfers'>> {
    return this.#dependencies.running()
  }

  async history(
    request: CallRequest<'history'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'history'>> {
    const { limit, direction } = request
    const { own, ask } = this.#dependencies
    const asked = (before: string | undefined): RequestOf<'past-transfers'> => ({
      limit,
      ...(before !== undefined && { before }),
      ...(direction !== undefined && { direction }),
    })
    const { rows: transfers, ...page } = await this.#page(request, signal, {
      here: (before) => answerOf(own.transfers(asked(before))),
      there: async (peer, before) => {
        const options = { deadlineMs: peerAnswerMs, signal }
        return answerOf(await ask(peer, 'past-transfers', asked(before), options))
      },
    })
    return { transfers, ...page }
  }

  async queries(
    request: CallRequest<'queries'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'queries'>> {
    const { limit } = request
    const { own, ask } = this.#dependencies
    const asked = (before: string | undefined): RequestOf<'past-queries'> => ({
      limit,
      ...(before !== undefined && { before }),
    })
    const { rows: queries, ...page } = await this.#page(request, signal, {
      here: (before) => answerOf(own.queries(asked(before))),
      there: async (peer, before) => {
        const options = { deadlineMs: peerAnswerMs, signal }
        return answerOf(await ask(peer, 'past-queries', asked(before), options))
      },
    })
    return { queries, ...page }
  }

  async series({ hours }: CallRequest<'series'>): Promise<CallReply<'series'>> {
    const { own, clock, sampleEveryMs } = this.#dependencies
    const samples = own.samplesSince(Math.floor(clock.nowMs() - hours * hourMs))
    const step = Math.ceil((hours * hourMs) / sampleEveryMs / samplesMax)
    return {
      everyMs: step * sampleEveryMs,
      samples: samples.filter((_, index) => (samples.length - 1 - index) % step === 0),
    }
  }

  async #page<Row extends HistoryRow>(
    { peer, after, limit }: CallRequest<'queries'>,
    signal: AbortSignal | undefined,
    reading: Reading<Row>,
  ): Promise<Merged<Row>> {
    const { peerId: ownId, peers } = this.#dependencies
    const isOwn = peer === undefined || peer === ownId
    const others = isOwn ? [] : await this.#others(peer, await peers(signal))
    const answers = new Map<string, Answer<Row>>()
    const missing: Merged<Row>['missing'] = []
    if (isOwn || peer === 'all') answers.set(ownId, reading.here(beforeAt(ownId, after)))
    await inParallel(others, askedAtOnce, async (other) => {
      const { peerId } = other
      try {
        answers.set(peerId, await reading.there(other, beforeAt(peerId, after)))
      } catch (error) {
        signal?.throwIfAborted()
        if (peer !== 'all') throw error
        missing.push({ peerId, code: toAppError(error).code })
      }
    })
    const lists = Array.from(answers, ([at, answer]) => ({
      rows: answer.rows.map((row) => ({ ...row, at })),
      isMore: answer.isMore,
    }))
    const rows = merged(lists, limit)
    const count = lists.reduce((sum, list) => sum + list.rows.length, 0)
    const isMore = count > rows.length || lists.some((list) => list.isMore)
    const last = rows.at(-1)
    missing.sort((a, b) => (a.peerId < b.peerId ? -1 : 1))
    return { rows, ...(isMore && last && { next: cursorOf(last) }), missing }
  }

  /** The other peers to ask. @throws AppError PEER_ID_INVALID, PEER_UNKNOWN */
  async #others(peer: string, known: readonly PeerInfo[]): Promise<PeerInfo[]> {
    if (peer === 'all') {
      const { peerId: ownId } = this.#dependencies
      return known
        .filter(({ state, peerId }) => state === 'live' && peerId !== ownId)
        .slice(0, askedMax)
    }
    const peerId = parsePeerId(peer)
    const found = known.find((one) => one.peerId === peerId)
    if (found === undefined) throw new AppError('PEER_UNKNOWN', { peerId })
    return [found]
  }
}

function answerOf<Row>(
  reply: { isMore: boolean } & ({ transfers: Row[] } | { queries: Row[] }),
): Answer<Row> {
  return { rows: 'transfers' in reply ? reply.transfers : reply.queries, isMore: reply.isMore }
}
