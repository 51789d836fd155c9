import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, reasonOf, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Content, CopyKey } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import { WakeUp } from '../../common/wake-up.ts'
import { type SingleDependencies, SingleDownload } from './single-download.ts'

/** After this the repair of a download that failed is tried again. */
const repairAgainMs = 600_000
/** Ended repairs that are remembered, the oldest forgotten first. */
const repairsMax = 64

/** A file whose bytes on the disk are no longer its content. */
export interface DamagedFile {
  readonly key: CopyKey
  readonly path: string
  readonly content: Content
}

export interface RepairSource {
  /** Damaged files of users, by their number, after the given one. */
  damaged(afterSeq: number, limit: number): readonly (DamagedFile & { readonly seq: number })[]
  damagedCalled(key: CopyKey): DamagedFile | undefined
  /** Calls `listener` when there may be another one. */
  onChange(listener: () => void): () => void
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
 * repaired without asking; what a user shares only on request, because a program may have written it.
 */
export class Repairs implements AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #work: BackgroundWork
  readonly #repairs = new Map<string, Running>()
  readonly #changes = new WakeUp()
  /** Woken when a file may have been damaged. */
  readonly #damage = new WakeUp()
  readonly #stopListening: () => void
  #lastId = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#work = new BackgroundWork(dependencies)
    this.#stopListening = dependencies.source.onChange(() => this.#damage.notify())
    this.#work.start('repair downloads', (signal) => this.#repairDownloads(signal))
  }

  /**
   * Starts the repair of a damaged file, or joins the running one.
   * @throws AppError NOT_DAMAGED, BUSY
   */
  start(key: CopyKey): Repair {
    const file = this.#dependencies.source.damagedCalled(key)
    if (file === undefined) throw new AppError('NOT_DAMAGED', { name: key.name })
    const known = [...this.#repairs.values()].find(
      (one) => one.state === 'running' && one.file.path === file.path,
    )
    return viewOf(known ?? this.#start(file))
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
  async #repairDownloads(signal: AbortSignal): Promise<void> {
    const { source, clock } = this.#dependencies
    for (;;) {
      signal.throwIfAborted()
      const damage = this.#damage.next(signal, { clock, delayMs: repairAgainMs })
      for (
        let [file] = source.damaged(0, 1);
        file !== undefined;
        [file] = source.damaged(file.seq, 1)
      )
        if (file.key.kind === 'downloaded') await this.#repairNow(file, signal)
      await damage
    }
  }

  async #repairNow(file: DamagedFile, signal: AbortSignal): Promise<void> {
    const running = this.#start(file)
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
