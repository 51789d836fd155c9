import { AppError, hasCode, reasonOf } from '../../../common/errors.ts'
import { inParallel } from '../../../common/in-parallel.ts'
import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { Content, Purpose, Source } from '../../../common/protocol/messages.ts'
import type { FetchObserver } from '../fetch-run.ts'
import { labelOf } from '../source/peer-source.ts'
import type { SourceProgress } from '../source/source-progress.ts'
import { SpeedMeter } from '../source/speed-meter.ts'
import { type SmallContent, type SmallRead, smallReads } from './small-reads.ts'
import { SmallSource, type SmallSourceDependencies } from './small-source.ts'

/** Reads in flight per page of a group: with 50 ms of latency, 1,024 files cost one round trip. */
const smallReadsAtOnce = 4

/** A small file with its bytes, which have its hash. */
export interface Verified<File extends SmallContent> {
  readonly file: File
  readonly bytes: Uint8Array
}

/** A small file that no source sent. */
export interface Missed<File extends SmallContent> {
  readonly file: File
  /** The sources that were tried, and why each failed. */
  readonly tried: string
  /** Whether a source sent other bytes: another claim about the content may be the true one. */
  readonly isDoubtful: boolean
}

export interface SmallFetchOptions {
  readonly purpose: Purpose
  readonly signal: AbortSignal
  /** Called with the bytes received, before they are verified. */
  readonly onBytes?: ((count: number) => void) | undefined
}

interface SmallFetchDependencies extends SmallSourceDependencies {
  readonly log: Log
  readonly observer?: Pick<FetchObserver, 'onSmallReceived'> | undefined
  /** Called with a source that sent something false. */
  onBlamed(source: Source, content: Content): void
}

/** A small content, with the copy that is made of it if the caller says so. */
interface NamedContent extends SmallContent {
  readonly key?: { readonly name: string }
}

/** A source and its reads in progress; the last read of a source that failed releases it. */
interface UsedSource {
  readonly source: Source
  readonly from: SmallSource
  /** Of the bytes received from it. */
  readonly meter: SpeedMeter
  reads: number
  hasFailed: boolean
}

/** The failed attempts to fetch a file. */
interface Attempts {
  /** By label of the source. */
  readonly reasons: Map<string, string>
  /** Sources whose connection ended while they sent: each is asked once again. */
  readonly brokenOff: Set<string>
  isDoubtful: boolean
}

/**
 * Fetches contents of one chunk, many with one request and several requests at the same time; their
 * SHA-256 proves them. A source that lies is not asked again. Disposing releases its connections.
 */
export class SmallFetch implements Disposable {
  readonly #options: SmallFetchOptions
  readonly #dependencies: SmallFetchDependencies
  /** By label. */
  readonly #sources = new Map<string, UsedSource>()
  readonly #blamed = new Set<string>()

  constructor(options: SmallFetchOptions, dependencies: SmallFetchDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /**
   * Fetches `files` from the sources that have them; further requests wait for `onVerified`.
   * @returns those that no source sent
   * @throws what `onVerified` throws, or the signal's reason
   */
  async fetch<File extends SmallContent>(
    files: readonly File[],
    onVerified: (files: readonly Verified<File>[]) => Promise<void>,
  ): Promise<Missed<File>[]> {
    const attempts = new Map<File, Attempts>()
    const mayAsk = (file: File, label: string): boolean =>
      !this.#blamed.has(label) && attempts.get(file)?.reasons.has(label) !== true
    const missed: Missed<File>[] = []
    for (let waiting: readonly File[] = files; waiting.length > 0; ) {
      const plan = smallReads(waiting, mayAsk, (label) => this.#sources.get(label)?.reads ?? 0)
      for (const file of plan.unasked) missed.push(missedFile(file, attempts.get(file)))
      const again: File[] = []
      await inParallel(plan.reads.values(), smallReadsAtOnce, async (read) => {
        const outcomes = await this.#read(read)
        const verified: Verified<File>[] = []
        for (const [index, file] of read.files.entries()) {
          const outcome = outcomes[index]
          if (outcome instanceof Uint8Array) verified.push({ file, bytes: outcome })
          else again.push(this.#onFailure(file, read, outcome, attempts))
        }
        if (verified.length > 0) this.#onReceived(read.source, verified)
        if (verified.length > 0) await onVerified(verified)
      })
      waiting = again
    }
    return missed
  }

  /** Those that send now. */
  get sources(): SourceProgress[] {
    return [...this.#sources.values()]
      .map(({ source, meter: { bytes, bytesPerSecond } }) => ({ source, bytes, bytesPerSecond }))
      .filter(({ bytesPerSecond }) => bytesPerSecond > 0)
  }

  [Symbol.dispose](): void {
    for (const { from } of this.#sources.values()) from[Symbol.dispose]()
    this.#sources.clear()
  }

  /** The outcome for each file. @throws the signal's reason */
  async #read<File extends SmallContent>({
    source,
    files,
  }: SmallRead<File>): Promise<(Uint8Array | AppError)[]> {
    const used = this.#use(source)
    try {
      const outcomes = await used.from.read(files.map(({ content }) => content))
      const pieces = outcomes.filter((outcome) => outcome instanceof Uint8Array)
      const came = pieces.reduce((sum, { length }) => sum + length, 0)
      used.meter.onProgress(used.meter.bytes + came)
      return outcomes
    } catch (error) {
      if (!hasCode(error, 'SOURCE_FAILED')) throw error
      // The next try has its own connection, and its own time.
      used.hasFailed = true
      if (this.#sources.get(labelOf(source)) === used) this.#sources.delete(labelOf(source))
      return files.map(() => error)
    } finally {
      used.reads -= 1
      if (used.hasFailed && used.reads === 0) used.from[Symbol.dispose]()
    }
  }

  #use(source: Source): UsedSource {
    const label = labelOf(source)
    const used = this.#sources.get(label) ?? {
      source,
      from: new SmallSource({ ...this.#options, source }, this.#dependencies),
      meter: new SpeedMeter(this.#dependencies),
      reads: 0,
      hasFailed: false,
    }
    used.reads += 1
    this.#sources.set(label, used)
    return used
  }

  #onReceived({ peerId }: Source, verified: readonly Verified<NamedContent>[]): void {
    const files = verified.map(({ file: { key, content } }) => ({
      name: key?.name,
      sha256: content.sha256,
      size: content.size,
    }))
    this.#dependencies.observer?.onSmallReceived(peerId, this.#options.purpose, files)
  }

  #onFailure<File extends SmallContent>(
    file: File,
    { source }: SmallRead<File>,
    error: AppError | undefined,
    attempts: Map<File, Attempts>,
  ): File {
    const { log } = this.#dependencies
    const label = labelOf(source)
    const known: Attempts = attempts.get(file) ?? {
      reasons: new Map(),
      brokenOff: new Set(),
      isDoubtful: false,
    }
    attempts.set(file, known)
    if (hasCode(error, 'SOURCE_FAILED')) {
      // One file that changed while it was sent ends the connection for all; the next reply omits it.
      const mayAskAgain = hasCode(error.cause, 'CONNECTION_CLOSED') && !known.brokenOff.has(label)
      if (mayAskAgain) known.brokenOff.add(label)
      else known.reasons.set(label, reasonOf(error))
      return file
    }
    known.reasons.set(label, `${label}: ${reasonOf(error)}`)
    known.isDoubtful = true
    if (hasCode(error, 'HASH_MISMATCH') && !this.#blamed.has(label)) {
      this.#blamed.add(label)
      log.warn({ source: label, sha256: file.content.sha256 }, 'a source sent wrong bytes')
      this.#dependencies.onBlamed(source, file.content)
    }
    return file
  }
}

function missedFile<File extends SmallContent>(
  file: File,
  attempts: Attempts | undefined,
): Missed<File> {
  const reasons = [...(attempts?.reasons.values() ?? [])].slice(0, limits.sourcesNamedMax)
  return {
    file,
    tried: reasons.length === 0 ? 'no peer, because none is known to have it' : reasons.join('; '),
    isDoubtful: attempts?.isDoubtful ?? false,
  }
}
