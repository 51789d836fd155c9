import { backoffMs } from '../../../common/backoff.ts'
import type { Clock } from '../../../common/clock.ts'
import { chunkRootOf } from '../../../common/content/chunks.ts'
import { AppError, hasCode, reasonOf } from '../../../common/errors.ts'
import { deadlines, limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { BufferPool } from '../../../common/protocol/buffer-pool.ts'
import type { Content, Purpose, Source } from '../../../common/protocol/messages.ts'
import { type Random, shuffled } from '../../../common/random.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { ChunkStore } from '../chunk-store.ts'
import type { ConnectionPool } from '../source/connection-pool.ts'
import type { OnReceived } from '../source/counted-sink.ts'
import { labelOf, PeerSource } from '../source/peer-source.ts'
import { addSent, type SentBytes, type SourceProgress } from '../source/source-progress.ts'
import { type Candidate, sourcesToStart, sourceToReplace } from './crew-plan.ts'
import { SourceQuestions } from './source-questions.ts'
import { Transfer, type TransferOptions } from './transfer.ts'

/** What to transfer, and from where. */
export interface TransferRequest {
  readonly content: Content
  /** For errors. */
  readonly name: string
  /** The sources to try, best first. */
  readonly sources: readonly Source[]
  /** Whether the content is unlisted (see `isUnlisted`): only its SHA-256 proves it. */
  readonly learnsChunks?: boolean | undefined
  /** A user's download if nothing is said. */
  readonly purpose?: Purpose | undefined
  readonly signal: AbortSignal
  /** Further sources; called when few are left, and from time to time. */
  readonly moreSources?: ((signal: AbortSignal) => Promise<readonly Source[]>) | undefined
  /** Whether to wait for sources when there are none, and to retry failed ones. */
  readonly waits?: boolean | undefined
  /** Called after each verified chunk, when sources change, and from time to time. */
  readonly onChanged?: (() => void) | undefined
}

export interface CrewOptions extends TransferRequest {
  /** Where the chunks go; those that it has already are not transferred again. */
  readonly file: ChunkStore
  readonly digest?: TransferOptions['digest']
  readonly reuse?: TransferOptions['reuse']
}

/** A complete content. */
export interface Transferred {
  /** As it was requested; with its chunk root if it was unlisted. */
  readonly content: Content
  readonly chunkList: Buffer
  /** Those that sent some of it. */
  readonly sources: readonly Source[]
}

export interface CrewDependencies {
  readonly pool: Pick<ConnectionPool, 'lease'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  readonly buffers: BufferPool
  readonly onReceived: OnReceived
  /** Called with a source that sent something false. */
  onBlamed(source: Source, content: Content): void
}

interface Member extends Candidate {
  readonly source: Source
  /** Defined while it works. */
  readonly peer?: PeerSource | undefined
  readonly activeSinceMs: number
  readonly retired: AbortController
  readonly failures: number
  readonly reason: string
}

/** Between two tries of the same source. */
const retryBackoff = { firstMs: 1_000, maxMs: 30_000 }

/** The sources of one fetch: they join, are replaced when slow, fail, are retried, are blamed. */
export class SourceCrew {
  readonly #options: CrewOptions
  readonly #dependencies: CrewDependencies
  readonly #transfer: Transfer
  readonly #stop = new AbortController()
  readonly #questions: SourceQuestions
  /** By label, best first. */
  readonly #members = new Map<string, Member>()
  readonly #work = new Set<Promise<void>>()
  readonly #wakeUp = new WakeUp()
  #failure: Error | undefined
  #idleSinceMs: number | undefined
  /** Received from sources that no longer work, by label. */
  readonly #receivedBefore = new Map<string, SentBytes>()

  constructor(options: CrewOptions, dependencies: CrewDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    const whole = options.sources.filter(({ kind }) => kind !== 'partial')
    const hasOneSource = whole.length === 1
    this.#transfer = new Transfer({ ...options, hasOneSource }, dependencies)
    this.#add(options.sources)
    const onAnswer = (sources: readonly Source[]): void => this.#add(sources)
    this.#questions = new SourceQuestions(
      { ...options, waits: this.#waits, onAnswer },
      dependencies,
    )
  }

  /** Sources at work. */
  get sources(): SourceProgress[] {
    return [...this.#members.values()].flatMap(({ source, peer }) =>
      peer === undefined
        ? []
        : [
            {
              source,
              bytes: peer.pace.bytesReceived,
              bytesPerSecond: 1000 * (peer.pace.bytesPerMs ?? 0),
            },
          ],
    )
  }

  /** What each source sent, good or not. */
  get received(): SentBytes[] {
    const received = new Map(this.#receivedBefore)
    for (const { source, bytes } of this.sources) addSent(received, source, bytes)
    return [...received.values()]
  }

  /** All that sources sent, good or not. */
  get receivedBytes(): number {
    return this.received.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /** Why nothing arrives; undefined while sources are at work, or were not even tried. */
  get waitingFor(): string | undefined {
    const members = [...this.#members.values()]
    const isHopeful = members.some(({ isActive, failures }) => isActive || failures === 0)
    const mayJoin = members.length === 0 && this.#questions.isFirstOpen
    return isHopeful || mayJoin ? undefined : this.#describeFailures()
  }

  /**
   * Takes what the file lacks from several sources at the same time.
   * @throws AppError NO_SOURCE with each source that was tried and why it failed, HASH_MISMATCH when the
   *   bytes fit the announced chunk root but not the SHA-256; what the file throws; or the signal's reason
   */
  async run(): Promise<Transferred> {
    const { file, signal, onChanged } = this.#options
    if (file.verified.size > 0) onChanged?.()
    await this.#transferAll()
    signal.throwIfAborted()
    const chunkList = await this.#finish()
    const { content, learnsChunks = false } = this.#options
    const known = learnsChunks ? { ...content, chunkRoot: chunkRootOf(chunkList) } : content
    return { content: known, chunkList, sources: this.#contributors }
  }

  /** Those that sent good chunks. */
  get #contributors(): Source[] {
    const { contributors } = this.#transfer
    const known = [...this.#members.values()].map(({ source }) => source)
    return known.filter((source) => contributors.has(labelOf(source)))
  }

  /** Of an unlisted content no chunk can be wrong, only the whole: those that sent it are blamed. */
  async #finish(): Promise<Buffer> {
    const { content, signal, learnsChunks = false } = this.#options
    try {
      return await this.#transfer.finish(signal)
    } catch (error) {
      if (learnsChunks && hasCode(error, 'HASH_MISMATCH'))
        for (const source of this.#contributors) this.#dependencies.onBlamed(source, content)
      throw error
    }
  }

  get #waits(): boolean {
    return this.#options.waits ?? false
  }

  /** Lets sources work until the transfer is complete. */
  async #transferAll(): Promise<void> {
    if (this.#options.reuse !== undefined) this.#await(this.#transfer.copyOwn())
    try {
      while (!this.#transfer.isComplete) {
        this.#options.signal.throwIfAborted()
        if (this.#failure !== undefined) throw this.#failure
        this.#startSome()
        this.#askForMore()
        if (this.#isHopeless())
          throw new AppError('NO_SOURCE', {
            name: this.#options.name,
            tried: this.#describeFailures(),
          })
        await this.#pause()
        this.#replaceSlow()
        this.#transfer.look()
        this.#options.onChanged?.()
      }
    } catch (error) {
      this.#stop.abort(error)
      this.#transfer.abandon(error as Error)
      throw error
    } finally {
      this.#questions[Symbol.dispose]()
      await Promise.all(this.#work)
    }
  }

  /** Partial sources are shuffled, so that each crew uses others: all of them have something to offer. */
  #add(sources: readonly Source[]): void {
    const whole = sources.filter(({ kind }) => kind !== 'partial')
    const partial = sources.filter(({ kind }) => kind === 'partial')
    for (const source of [...whole, ...shuffled(partial, this.#dependencies.random)]) {
      const label = labelOf(source)
      if (this.#members.has(label) || this.#members.size >= 2 * limits.sourcesPerContentMax)
        continue
      this.#members.set(label, {
        source,
        activeSinceMs: 0,
        retired: new AbortController(),
        failures: 0,
        reason: '',
        isActive: false,
        isStuck: false,
        isBlamed: false,
        wasSlow: false,
        usableAtMs: 0,
      })
    }
  }

  #update(member: Member, change: Partial<Member>): Member {
    const updated = { ...member, ...change }
    this.#members.set(labelOf(member.source), updated)
    return updated
  }

  #startSome(): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    for (const member of this.#members.values())
      if (member.peer !== undefined)
        this.#update(member, { isStuck: isStuck(member.peer, nowMs - member.activeSinceMs) })
    const { chunksMissing } = this.#transfer
    for (const member of sourcesToStart([...this.#members.values()], { nowMs, chunksMissing }))
      this.#start(member, nowMs)
  }

  #start(member: Member, nowMs: number): void {
    const { content, purpose = 'download', signal } = this.#options
    const peer = new PeerSource(
      {
        source: member.source,
        content,
        purpose,
        signal: AbortSignal.any([signal, this.#stop.signal]),
      },
      this.#dependencies,
    )
    const retired = new AbortController()
    this.#update(member, { peer, retired, activeSinceMs: nowMs, isActive: true, isStuck: false })
    this.#await(this.#run(labelOf(member.source), peer, retired.signal))
  }

  /** Has the crew look again when `work`, which never rejects, has ended. */
  #await(work: Promise<unknown>): void {
    const ended = work.then(() => {
      this.#work.delete(ended)
      this.#wakeUp.notify()
    })
    this.#work.add(ended)
  }

  /** Never rejects. */
  async #run(label: string, source: PeerSource, retired: AbortSignal): Promise<void> {
    let change: Partial<Member> = { wasSlow: retired.aborted }
    try {
      using peer = source
      await this.#transfer.takeFrom(peer, retired)
      change = { wasSlow: retired.aborted }
    } catch (error) {
      change = this.#onFailure(label, error)
    }
    const member = this.#members.get(label)
    if (member !== undefined)
      addSent(this.#receivedBefore, member.source, source.pace.bytesReceived)
    if (member !== undefined)
      this.#update(member, { ...change, peer: undefined, isActive: false, isStuck: false })
  }

  #onFailure(label: string, error: unknown): Partial<Member> {
    const member = this.#members.get(label)
    const isItsFault = hasCode(error, 'SOURCE_FAILED') || hasCode(error, 'HASH_MISMATCH')
    if (!isItsFault || member === undefined) {
      this.#failure ??= error as Error
      return {}
    }
    const { clock, random, log } = this.#dependencies
    const { content } = this.#options
    const { source } = member
    const failures = member.failures + 1
    const retryMs = this.#waits
      ? backoffMs(failures, retryBackoff, random)
      : Number.POSITIVE_INFINITY
    const isBlamed = error.code === 'HASH_MISMATCH'
    log.debug({ source, sha256: content.sha256, code: error.code }, 'source given up')
    if (isBlamed) this.#dependencies.onBlamed(source, content)
    return {
      failures,
      isBlamed,
      reason: reasonOf(error),
      usableAtMs: clock.monotonicMs() + retryMs,
    }
  }

  #replaceSlow(): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const members = [...this.#members.values()]
    const active = members.flatMap((member) =>
      member.peer === undefined
        ? []
        : [
            {
              member,
              activeMs: nowMs - member.activeSinceMs,
              bytesPerMs: member.peer.pace.bytesPerMs ?? 0,
            },
          ],
    )
    const isFree = ({ isActive, isBlamed, wasSlow, usableAtMs }: Member): boolean =>
      !isActive && !isBlamed && !wasSlow && usableAtMs <= nowMs
    sourceToReplace(active, members.some(isFree))?.member.retired.abort()
  }

  /** Asks for more sources, if it is time to. */
  #askForMore(): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const usable = [...this.#members.values()].filter(
      ({ isActive, isBlamed, usableAtMs }) => isActive || (!isBlamed && usableAtMs <= nowMs),
    )
    const { chunksMissing } = this.#transfer
    const asking = this.#questions.ask({ usable: usable.length, chunksMissing })
    if (asking !== undefined) this.#await(asking)
  }

  /** Whether no source works, none is left to try, and none will join. */
  #isHopeless(): boolean {
    if (this.#waits || this.#questions.isAsking || this.#transfer.isCopying) return false
    const nowMs = this.#dependencies.clock.monotonicMs()
    const members = [...this.#members.values()]
    const isPossible = members.some(({ isActive, usableAtMs }) => isActive || usableAtMs <= nowMs)
    if (!isPossible) return true
    // Sources at work have only chunks that are present already: they get a while to gain others.
    if (!this.#transfer.isIdle) this.#idleSinceMs = undefined
    else this.#idleSinceMs ??= nowMs
    return nowMs - (this.#idleSinceMs ?? nowMs) >= deadlines.bulkStallMs
  }

  /** Until the next look, which is earlier when a question is due. */
  get #lookMs(): number {
    return Math.min(this.#questions.dueInMs || deadlines.fetchLookMs, deadlines.fetchLookMs)
  }

  /** Until something changes, or it is time to look. */
  async #pause(): Promise<void> {
    const { clock } = this.#dependencies
    await this.#wakeUp.next(this.#options.signal, { clock, delayMs: this.#lookMs })
  }

  #describeFailures(): string {
    const remark = this.#waits ? ' (not asked again)' : ''
    const failures = [...this.#members.values()].flatMap(({ reason, isBlamed }) =>
      isBlamed ? `${reason}${remark}` : reason || [],
    )
    if (this.#questions.failure !== undefined) failures.push(this.#questions.failure)
    if (failures.length === 0) return 'no peer, because none is known to have it'
    const named = failures.slice(0, limits.sourcesNamedMax).join('; ')
    const more = failures.length - limits.sourcesNamedMax
    return more > 0 ? `${named}; and ${more} more` : named
  }
}

/** Whether a source that has had the time to begin sends almost nothing. */
function isStuck({ pace }: PeerSource, activeMs: number): boolean {
  const leastPerMs = limits.bulkProgressBytesMin / deadlines.bulkStallMs
  return activeMs >= deadlines.sourceSpeedMs && (pace.bytesPerMs ?? 0) < leastPerMs
}
