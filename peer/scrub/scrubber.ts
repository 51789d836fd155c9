import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { JsonFile } from '../../common/json-file.ts'
import type { Log } from '../../common/log.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { CopyChecks } from './copy-checks.ts'
import type { ReadableCopy, ScrubCopies } from './scrub-copies.ts'
import { ScrubMemory, type ScrubPass } from './scrub-memory.ts'
import { type ScrubPace, scrubLeftMs } from './scrub-pace.ts'
import { ScrubThrottle } from './scrub-throttle.ts'

const dayMs = 86_400_000
/** The position is stored so often: what a crash costs is read again. */
const saveEveryMs = 60_000
/** Until a disk that was away, or a catalog that failed, is tried again. */
const retryMs = 60_000

export interface ScrubberOptions {
  /** The file of what it remembers. */
  readonly path: string
  /** How long a pass over all copies takes; 0: none is begun unless a user asks. */
  readonly days: number
}

export interface ScrubberDependencies {
  readonly copies: ScrubCopies
  /** Content bytes sent and received for people since the start. */
  readonly peoplesBytes: () => number
  /** May be infinite. */
  readonly bytesPerSecondMax: () => number
  readonly clock: Clock
  readonly log: Log
}

/** Reads all copies again and again, slowly, to find those that the disk has damaged. */
export class Scrubber implements AsyncDisposable {
  /** Readings of single copies that users ask for. */
  readonly checks: CopyChecks
  readonly #options: ScrubberOptions
  readonly #dependencies: ScrubberDependencies
  readonly #file: JsonFile<typeof ScrubMemory>
  readonly #work: BackgroundWork
  readonly #throttle: ScrubThrottle
  /** Woken when what should be done has changed. */
  readonly #changes = new WakeUp()
  #memory: ScrubMemory = { isPaused: false }
  /** Ends the reading of a copy when its pass is replaced. */
  #replaced = new AbortController()
  #waitingFor: string | undefined
  #savedMs: number

  private constructor(
    options: ScrubberOptions,
    file: JsonFile<typeof ScrubMemory>,
    dependencies: ScrubberDependencies,
  ) {
    this.#options = options
    this.#dependencies = dependencies
    this.#file = file
    this.#work = new BackgroundWork(dependencies)
    this.#savedMs = dependencies.clock.monotonicMs()
    const pace = (): ScrubPace => this.#pace
    this.#throttle = new ScrubThrottle({ ...dependencies, pace, changes: this.#changes })
    this.checks = new CopyChecks({ ...dependencies, work: this.#work })
  }

  /** Opens with the position of an earlier run, and begins when the catalog is complete. */
  static async open(
    options: ScrubberOptions,
    dependencies: ScrubberDependencies,
  ): Promise<Scrubber> {
    const file = new JsonFile({ path: options.path, schema: ScrubMemory }, dependencies)
    const scrubber = new Scrubber(options, file, dependencies)
    scrubber.#memory = (await file.read()) ?? scrubber.#memory
    scrubber.#work.start('scrub', (signal) => scrubber.#run(signal))
    return scrubber
  }

  /** What it does now, how far it is, and when it should end. */
  get status(): ScrubStatus {
    const { isPaused, pass, last } = this.#memory
    const { clock, copies } = this.#dependencies
    const waitingFor = this.#waitingFor
    const total = copies.amount
    return {
      state: this.#state,
      ...(waitingFor !== undefined && { waitingFor }),
      isPaused,
      days: this.#options.days,
      ...(pass !== undefined && {
        pass: {
          startedMs: pass.startedMs,
          bytes: pass.bytes,
          files: pass.files,
          bad: pass.bad,
          isHurried: pass.isHurried,
          totalBytes: Math.max(total.bytes, pass.bytes),
          totalFiles: Math.max(total.files, pass.files),
          ...(this.#state === 'running' && {
            expectedEndMs: Math.round(clock.nowMs() + scrubLeftMs(this.#pace)),
          }),
        },
      }),
      ...(last !== undefined && { last }),
      ...(this.#state === 'waiting' && { nextMs: this.#nextMs }),
    }
  }

  /** Bytes read and damaged copies found since the start. */
  get counts(): { readonly bytes: number; readonly bad: number } {
    const { bytes, bad } = this.#throttle.counts
    return { bytes: bytes + this.checks.counts.bytes, bad: bad + this.checks.counts.bad }
  }

  /** @throws AppError DISK_FULL, DISK_FAILED; nothing is changed then */
  async setPaused(isPaused: boolean): Promise<void> {
    const { pass } = this.#memory
    const kept = pass && isPaused ? { pass: { ...pass, isHurried: false } } : {}
    await this.#change({ ...this.#memory, isPaused, ...kept })
  }

  /** Begins a pass that reads as fast as it may, also while scrubbing is paused. */
  async startNow(): Promise<void> {
    if (this.#memory.pass?.isHurried === true) return
    await this.#change({ ...this.#memory, pass: this.#newPass(true) })
    this.#replaced.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#work[Symbol.asyncDispose]()
    await this.#save().catch(() => {})
  }

  async #change(memory: ScrubMemory): Promise<void> {
    await this.#file.write(memory)
    this.#memory = memory
    this.#changes.notify()
  }

  get #state(): ScrubStatus['state'] {
    const { isPaused, pass } = this.#memory
    if (pass?.isHurried === true) return 'running'
    if (this.#options.days === 0) return 'off'
    if (isPaused) return 'paused'
    return pass !== undefined || this.#isDue ? 'running' : 'waiting'
  }

  /** A pass that ends early, because there is little to read, is not repeated before its time. */
  get #nextMs(): number {
    const { last } = this.#memory
    return last === undefined ? 0 : last.startedMs + this.#options.days * dayMs
  }

  get #isDue(): boolean {
    return this.#dependencies.clock.nowMs() >= this.#nextMs
  }

  get #pace(): ScrubPace {
    const { copies, clock, bytesPerSecondMax } = this.#dependencies
    const { pass } = this.#memory
    const { bytes = 0, files = 0, isHurried = false } = pass ?? {}
    return {
      total: copies.amount,
      read: { bytes, files },
      passedMs: Math.max(0, clock.nowMs() - (pass?.startedMs ?? clock.nowMs())),
      passMs: Math.max(1, this.#options.days) * dayMs,
      bytesPerSecondMax: bytesPerSecondMax(),
      isHurried,
      isBusy: this.#throttle.isBusy,
    }
  }

  #newPass(isHurried: boolean): ScrubPass {
    const { clock, copies } = this.#dependencies
    const startedMs = Math.floor(clock.nowMs())
    const lastSeq = copies.lastSeq
    return { startedMs, afterSeq: 0, lastSeq, chunks: 0, bytes: 0, files: 0, bad: 0, isHurried }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { copies, clock, log } = this.#dependencies
    await copies.ready
    for (;;) {
      signal.throwIfAborted()
      if (this.#state !== 'running') {
        await this.#changes.next(signal, { clock, delayMs: retryMs })
        continue
      }
      try {
        await this.#step(signal)
        this.#saveIfDue()
      } catch (error) {
        signal.throwIfAborted()
        if (this.#replaced.signal.aborted) continue
        log.error({ reason: reasonOf(error) }, 'scrubbing failed and is tried again')
        await this.#changes.next(signal, { clock, delayMs: retryMs })
      }
    }
  }

  /** Reads the next copy of the pass, or ends it. */
  async #step(signal: AbortSignal): Promise<void> {
    const { copies } = this.#dependencies
    const pass = this.#memory.pass ?? this.#newPass(false)
    // The catalog was replaced by an older one.
    const known = pass.afterSeq > copies.lastSeq ? this.#newPass(pass.isHurried) : pass
    this.#memory = { ...this.#memory, pass: known }
    this.#replaced = new AbortController()
    const next = copies.next(known.afterSeq, known.lastSeq)
    if (next === undefined) await this.#end(known)
    else await this.#read(next, AbortSignal.any([signal, this.#replaced.signal]))
  }

  async #read(copy: ReadableCopy, signal: AbortSignal): Promise<void> {
    const { copies, clock } = this.#dependencies
    const { pass } = this.#memory
    // After a restart, the copy that was being read may be gone.
    const fromChunk = pass?.chunksOf === copy.seq ? pass.chunks : 0
    const verdict = await copies.read(copy, {
      signal,
      fromChunk,
      pace: async (bytes, chunks) => {
        // The position of a replaced pass is not that of the new one.
        signal.throwIfAborted()
        this.#update((pass) => ({ bytes: pass.bytes + bytes, chunks, chunksOf: copy.seq }))
        await this.#throttle.rest({ bytes, files: 0 }, signal)
        await this.#whilePaused(signal)
        this.#saveIfDue()
      },
    })
    signal.throwIfAborted()
    if (verdict === 'away') {
      this.#waitingFor = `the disk of ${copy.folder}/ to return`
      await this.#changes.next(signal, { clock, delayMs: retryMs })
      return
    }
    this.#waitingFor = undefined
    const bad = verdict === 'bad' ? 1 : 0
    this.#throttle.counts.bad += bad
    this.#update((pass) => ({
      afterSeq: copy.seq,
      chunks: 0,
      files: pass.files + 1,
      bad: pass.bad + bad,
    }))
    await this.#throttle.rest({ bytes: 0, files: 1 }, signal)
  }

  #update(change: (pass: ScrubPass) => Partial<ScrubPass>): void {
    const { pass } = this.#memory
    if (pass !== undefined) this.#memory = { ...this.#memory, pass: { ...pass, ...change(pass) } }
  }

  async #whilePaused(signal: AbortSignal): Promise<void> {
    while (this.#state !== 'running') {
      signal.throwIfAborted()
      await this.#changes.next(signal)
    }
  }

  async #end({ startedMs, bytes, files, bad }: ScrubPass): Promise<void> {
    const { clock, log } = this.#dependencies
    const last = { startedMs, endedMs: Math.floor(clock.nowMs()), bytes, files, bad }
    const { isPaused } = this.#memory
    this.#memory = { isPaused, last }
    log.info(last, 'a pass over all copies has ended')
    await this.#save()
  }

  /** Reading goes on meanwhile. */
  #saveIfDue(): void {
    if (this.#dependencies.clock.monotonicMs() - this.#savedMs < saveEveryMs) return
    this.#work.start('store the position of scrubbing', () => this.#save())
  }

  async #save(): Promise<void> {
    this.#savedMs = this.#dependencies.clock.monotonicMs()
    await this.#file.write(this.#memory)
  }
}

export interface ScrubStatus {
  /** `off` and `paused` say nothing about a pass that a user asked for: then it is `running`. */
  readonly state: 'running' | 'waiting' | 'paused' | 'off'
  /** What a running pass waits for. */
  readonly waitingFor?: string
  readonly isPaused: boolean
  readonly days: number
  readonly pass?: {
    readonly startedMs: number
    readonly bytes: number
    readonly files: number
    readonly bad: number
    readonly isHurried: boolean
    readonly totalBytes: number
    readonly totalFiles: number
    readonly expectedEndMs?: number
  }
  readonly last?: NonNullable<ScrubMemory['last']>
  /** When the next pass begins, if none is running. */
  readonly nextMs?: number
}
