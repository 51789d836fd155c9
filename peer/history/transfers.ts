import type { Cancel, Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { RunningTransfer } from '../../common/protocol/history-messages.ts'
import type { Content, Purpose } from '../../common/protocol/messages.ts'
import type { NewTransfer } from './history-store.ts'
import { rateOf, type SmallFile, SmallTransfers, type Way } from './small-transfers.ts'

/** Interval of measuring what is sent, while something is. */
const tickMs = 1_000
/** An upload without bytes for this long has ended: requesters ask for chunk after chunk. */
const idleMs = 3_000
/** Uploads measured at a time: each of a requester and a content. */
const sendingMax = 1_000

/** A content that another peer asks for, or a client that is no peer. */
export interface Sent {
  readonly to: string
  readonly sha256: string
  readonly size: number
  readonly purpose: Purpose
  readonly name?: string | undefined
}

/** A fetch, as its fetcher shows it. */
export interface Fetching {
  readonly name: string
  readonly content: Content
  readonly purpose: Purpose
  readonly run: {
    readonly fetched: Promise<unknown>
    readonly sources: readonly {
      readonly source: { readonly peerId: string }
      readonly bytes: number
      readonly bytesPerSecond: number
    }[]
    readonly received: readonly {
      readonly source: { readonly peerId: string }
      readonly bytes: number
    }[]
  }
}

interface Sending {
  readonly sent: Sent
  readonly startMs: number
  lastMs: number
  bytes: number
  /** At the last tick. */
  bytesBefore: number
  bytesPerSecond: number
}

interface Dependencies {
  readonly peerId: string
  /** The name of a content of this peer. */
  readonly nameOf: (sha256: string) => string | undefined
  readonly onEnded: (row: NewTransfer) => void
  readonly clock: Clock
}

/** What a peer sends and receives now. What has ended becomes a row of the history. */
export class Transfers implements Disposable {
  readonly #dependencies: Dependencies
  readonly #fetching = new Map<Fetching, number>()
  readonly #sending = new Map<string, Sending>()
  readonly #small = new SmallTransfers()
  #tickedMs: number
  #cancelTimer: Cancel | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#tickedMs = dependencies.clock.monotonicMs()
  }

  /** Follows a fetch to its end. */
  onFetch(fetching: Fetching): void {
    this.#fetching.set(fetching, this.#dependencies.clock.monotonicMs())
    fetching.run.fetched.then(
      () => this.#onFetched(fetching),
      () => this.#fetching.delete(fetching),
    )
  }

  /** Small files have arrived. */
  onSmallReceived(from: string, purpose: Purpose, files: readonly SmallFile[]): void {
    const { peerId: to } = this.#dependencies
    this.#addSmall({ direction: 'in', purpose, from, to }, files)
  }

  /** Small files were sent. */
  onSmallSent(to: string, purpose: Purpose, files: readonly SmallFile[]): void {
    const { peerId: from, nameOf } = this.#dependencies
    const named = files.map((file) => ({ ...file, name: nameOf(file.sha256) }))
    this.#addSmall({ direction: 'out', purpose, from, to }, named)
  }

  /** Bytes of a content were sent. */
  onSent(sent: Sent, bytes: number): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const key = `${sent.purpose}\n${sent.sha256}\n${sent.to}`
    const known = this.#sending.get(key)
    if (known !== undefined) {
      known.bytes += bytes
      known.lastMs = nowMs
      return
    }
    if (this.#sending.size >= sendingMax) {
      const [oldest] = this.#sending
      if (oldest !== undefined) this.#endSending(...oldest)
    }
    const startMs = nowMs
    const measures = { bytes, bytesBefore: 0, bytesPerSecond: 0 }
    this.#sending.set(key, { sent, startMs, lastMs: nowMs, ...measures })
    this.#tickLater()
  }

  /** Per source and requester. */
  running(): RunningTransfer[] {
    const received = [...this.#fetching.keys()].flatMap(receivedNow)
    const sent = Array.from(this.#sending.values(), (sending) => this.#sentNow(sending))
    const small = this.#small.groups.map((group) => smallNow(group, this.#dependencies.clock))
    return [...received, ...sent, ...small].slice(0, limits.runningTransfersMax)
  }

  /** What is running counts as ended. */
  [Symbol.dispose](): void {
    this.#cancelTimer?.()
    this.#endSmall(true)
    for (const [key, sending] of this.#sending) this.#endSending(key, sending)
  }

  #onFetched(fetching: Fetching): void {
    const { clock, peerId, onEnded } = this.#dependencies
    const { name, content, purpose, run } = fetching
    const startMs = this.#fetching.get(fetching) ?? clock.monotonicMs()
    this.#fetching.delete(fetching)
    const from = sumsOf(run.received)
    const bytes = from.reduce((sum, one) => sum + one.bytes, 0)
    if (bytes === 0) return
    const durationMs = Math.round(clock.monotonicMs() - startMs)
    onEnded({
      timeMs: Math.round(clock.nowMs()),
      direction: 'in',
      purpose,
      name,
      sha256: content.sha256,
      count: 1,
      bytes,
      from: from.slice(0, limits.transferSourcesMax),
      to: peerId,
      durationMs,
      bytesPerSecond: rateOf(bytes, durationMs),
    })
  }

  #addSmall(way: Way, files: readonly SmallFile[]): void {
    this.#small.add(way, files, this.#dependencies.clock.monotonicMs())
    this.#tickLater()
  }

  #tickLater(): void {
    if (this.#cancelTimer !== undefined) return
    this.#tickedMs = this.#dependencies.clock.monotonicMs()
    this.#cancelTimer = this.#dependencies.clock.after(tickMs, () => this.#tick())
  }

  #tick(): void {
    this.#cancelTimer = undefined
    const nowMs = this.#dependencies.clock.monotonicMs()
    for (const [key, sending] of this.#sending) {
      const { bytes, bytesBefore, lastMs } = sending
      sending.bytesPerSecond = rateOf(bytes - bytesBefore, nowMs - this.#tickedMs)
      sending.bytesBefore = bytes
      if (nowMs - lastMs >= idleMs) this.#endSending(key, sending)
    }
    this.#endSmall(false)
    if (this.#sending.size > 0 || !this.#small.isEmpty) this.#tickLater()
  }

  #endSmall(isOver: boolean): void {
    const { clock, onEnded } = this.#dependencies
    for (const row of this.#small.takeEnded(clock.monotonicMs(), clock.nowMs(), isOver))
      onEnded(row)
  }

  #endSending(key: string, { sent, startMs, lastMs, bytes }: Sending): void {
    this.#sending.delete(key)
    const { clock, peerId, nameOf, onEnded } = this.#dependencies
    const { sha256, purpose, to, name = nameOf(sha256) } = sent
    const durationMs = Math.round(lastMs - startMs)
    onEnded({
      timeMs: Math.round(clock.nowMs() - (clock.monotonicMs() - lastMs)),
      direction: 'out',
      purpose,
      ...(name !== undefined && { name }),
      sha256,
      count: 1,
      bytes,
      from: [{ peerId, bytes }],
      to,
      durationMs,
      bytesPerSecond: rateOf(bytes, durationMs),
    })
  }

  #sentNow({ sent, bytes, bytesPerSecond }: Sending): RunningTransfer {
    const { sha256, size, purpose, to, name = this.#dependencies.nameOf(sha256) } = sent
    const file = { ...(name !== undefined && { name }), sha256, count: 1, size }
    return { direction: 'out', purpose, peerId: to, ...file, bytes, bytesPerSecond }
  }
}

function receivedNow({ name, content, purpose, run }: Fetching): RunningTransfer[] {
  const { sha256, size } = content
  return run.sources.map(({ source, bytes, bytesPerSecond }) => ({
    direction: 'in',
    purpose,
    peerId: source.peerId,
    name,
    sha256,
    count: 1,
    size,
    bytes,
    bytesPerSecond: Math.round(bytesPerSecond),
  }))
}

function smallNow(
  { way, count, bytes, folder, startMs }: SmallTransfers['groups'][number],
  clock: Clock,
): RunningTransfer {
  const { direction, purpose, from, to } = way
  return {
    direction,
    purpose,
    peerId: direction === 'in' ? from : to,
    ...(folder !== '' && { folder }),
    count,
    size: bytes,
    bytes,
    bytesPerSecond: rateOf(bytes, clock.monotonicMs() - startMs),
  }
}

/** Bytes by peer, the most first: a peer may have sent from several addresses. */
function sumsOf(received: Fetching['run']['received']): NewTransfer['from'] {
  const sums = new Map<string, number>()
  for (const { source, bytes } of received)
    if (bytes > 0) sums.set(source.peerId, bytes + (sums.get(source.peerId) ?? 0))
  return Array.from(sums, ([peerId, bytes]) => ({ peerId, bytes })).toSorted(
    (a, b) => b.bytes - a.bytes,
  )
}
