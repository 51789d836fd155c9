import { BackgroundWork } from '../../common/background.ts'
import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, CopyKey } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { type SingleDependencies, SingleDownload } from './single-download.ts'

/** Between two rounds over the damaged files, if no other one is found. */
const repairBackoff = { firstMs: 4_000, maxMs: 600_000 }
const roundPauseMs = 1_000
/** Ended repairs that are remembered, the oldest forgotten first. */
const repairsMax = 64

/** A file whose bytes on the disk are no longer its content. */
export interface DamagedFile {
  readonly key: CopyKey
  readonly path: string
  readonly content: Content
  /** When it was found; wall time. */
  readonly foundMs: number
}

export interface RepairSource {
  /** Damaged files, by their number, after the given one. */
  damaged(afterSeq: number, limit: number): readonly (DamagedFile & { readonly seq: number })[]
  damagedCalled(key: CopyKey): DamagedFile | undefined
  /** Moves a damaged replica aside and drops it. */
  setAside(key: CopyKey): Promise<void>
  /** Calls `listener` when there may be another one. */
  onChange(listener: () => void): () => void
}

/**
 * Whether other peers have a content for sure. The only one that says so may have a damaged copy, too,
 * and not know it yet; a second one has fetched and verified it, or someone would have noticed in a day.
 */
export function isReplaced({ whole, ageMs }: { whole: number; ageMs: number }): boolean {
  return whole >= 2 || (whole === 1 && ageMs >= 86_400_000)
}

/** One repair; its counts are current. */
export interface Repair {
  readonly id: string
  readonly name: string
  readonly kind: CopyKey['kind']
  readonly path: string
  readonly sha256: string
  readonly size: number
  readonly state: 'running' | 'done' | 'failed'
  readonly bytes: number
  readonly error?: AppError
}

interface Running {
  readonly file: DamagedFile
  readonly id: string
  readonly download: SingleDownload
  state: Repair['state']
  error?: AppError
}

interface Dependencies extends SingleDependencies {
  readonly source: RepairSource
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Fetches the good content of damaged files and puts it in their place. What a user downloaded is
 * repaired without asking; what a user shares only on request, because a program may have written it. A
 * damaged replica is moved aside when its good chunks are no longer needed; the index has it made again.
 */
export class Repairs implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #work: BackgroundWork
  readonly #repairs = new Map<string, Running>()
  readonly #changes = new WakeUp()
  /** Woken when a file may have been damaged. */
  readonly #damage = new WakeUp()
  readonly #stopListening: () => void
  /** Counts how often a file was found damaged. */
  #found = 0
  #lastId = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#work = new BackgroundWork(dependencies)
    this.#stopListening = dependencies.source.onChange(() => {
      this.#found += 1
      this.#damage.notify()
    })
    this.#work.start('repair', (signal) => this.#repairAll(signal))
  }

  /**
   * Starts the repair of a damaged file, or joins the running one.
   * @throws AppError NOT_DAMAGED, BUSY
   */
  start(key: CopyKey): Repair {
    const file = this.#dependencies.source.damagedCalled(key)
    if (file === undefined) throw new AppError('NOT_DAMAGED', { name: key.name })
    return viewOf(this.#join(file))
  }

  /** A repair when it has ended, or after the time. @throws AppError REPAIR_NOT_FOUND */
  async wait(id: string, waitMs: number, signal?: AbortSignal): Promise<Repair> {
    const { clock } = this.#dependencies
    const running = this.#repairs.get(id)
    if (running === undefined) throw new AppError('REPAIR_NOT_FOUND', { id })
    const untilMs = clock.monotonicMs() + waitMs
    while (running.state === 'running' && clock.monotonicMs() < untilMs && !signal?.aborted)
      await this.#changes.next(signal, { clock, delayMs: untilMs - clock.monotonicMs() })
    return viewOf(running)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopListening()
    await this.#work[Symbol.asyncDispose]()
  }

  /** The running repair of a file, or a new one. @throws AppError BUSY */
  #join(file: DamagedFile): Running {
    const known = [...this.#repairs.values()].find(
      (one) => one.state === 'running' && one.file.path === file.path,
    )
    return known ?? this.#start(file)
  }

  #start(file: DamagedFile): Running {
    const atWork = [...this.#repairs.values()].filter(({ state }) => state === 'running').length
    if (atWork >= limits.downloadsAtOnceMax) throw new AppError('BUSY')
    const id = `repair${++this.#lastId}`
    const { key, content } = file
    const options = {
      name: key.name,
      key,
      sha256: content.sha256,
      signal: this.#work.signal,
      waits: false,
      waitsForIndex: false,
      onChanged: () => {},
    }
    const download = new SingleDownload(options, this.#dependencies)
    const running: Running = { file, id, download, state: 'running' }
    this.#repairs.set(id, running)
    this.#forgetOld()
    this.#work.start('repair a file', () => this.#run(running))
    return running
  }

  async #run(running: Running): Promise<void> {
    const { log } = this.#dependencies
    const { key, path } = running.file
    try {
      const { sources } = await running.download.run()
      running.state = 'done'
      const from = sources.map(({ peerId }) => peerId)
      log.info({ kind: key.kind, name: key.name, path, from }, 'a damaged file was repaired')
    } catch (error) {
      running.state = 'failed'
      running.error = toAppError(error)
      if (!this.#work.signal.aborted)
        log.warn({ path, reason: reasonOf(error) }, 'a damaged file could not be repaired')
    } finally {
      this.#changes.notify()
    }
  }

  #forgetOld(): void {
    for (const [id, { state }] of this.#repairs)
      if (this.#repairs.size > repairsMax && state !== 'running') this.#repairs.delete(id)
  }

  /** One after the other. Those that failed are tried again later, and when another is damaged. */
  async #repairAll(signal: AbortSignal): Promise<void> {
    const { clock, random, log } = this.#dependencies
    for (let rounds = 1; ; rounds += 1) {
      const seen = this.#found
      try {
        await this.#repairRound(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ reason: reasonOf(error) }, 'damaged files are repaired later')
      }
      // Many may be found one after the other.
      await clock.sleep(roundPauseMs, signal)
      const delayMs = backoffMs(rounds, repairBackoff, random)
      if (this.#found === seen) await this.#damage.next(signal, { clock, delayMs })
      signal.throwIfAborted()
      if (this.#found !== seen) rounds = 0
    }
  }

  /** @throws AppError BUSY while users have as many repairs running as may be; errors of the catalog */
  async #repairRound(signal: AbortSignal): Promise<void> {
    const { source } = this.#dependencies
    for (
      let [file] = source.damaged(0, 1);
      file !== undefined;
      [file] = source.damaged(file.seq, 1)
    )
      if (file.key.kind === 'downloaded') await this.#repairNow(file, signal)
      else if (file.key.kind === 'replicated' && !(await this.#isNeeded(file, signal)))
        await source.setAside(file.key)
  }

  /** Whether the good chunks of a damaged replica may be the last ones. */
  async #isNeeded({ key, content, foundMs }: DamagedFile, signal: AbortSignal): Promise<boolean> {
    const { finder, clock } = this.#dependencies
    try {
      const found = await finder.lookup(key.name, signal, content.sha256)
      const sources = found.flatMap((one) => (one.sha256 === content.sha256 ? one.sources : []))
      const whole = sources.filter(({ kind }) => kind !== 'partial').length
      return !isReplaced({ whole, ageMs: clock.nowMs() - foundMs })
    } catch (error) {
      signal.throwIfAborted()
      return !hasCode(error, 'NAME_NOT_FOUND')
    }
  }

  async #repairNow(file: DamagedFile, signal: AbortSignal): Promise<void> {
    const running = this.#join(file)
    while (running.state === 'running') {
      await this.#changes.next(signal)
      signal.throwIfAborted()
    }
  }
}

function viewOf({ id, file: { key, path, content }, state, error, download }: Running): Repair {
  const { sha256, size } = content
  const bytes = state === 'done' ? size : download.bytes
  return {
    id,
    name: key.name,
    kind: key.kind,
    path,
    sha256,
    size,
    state,
    bytes,
    ...(error !== undefined && { error }),
  }
}
