import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { isUnlisted } from '../../common/content/chunks.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import type { Content, CopyKey, FoundContent } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { Downloaded } from '../api/download-shapes.ts'
import type { FetchRun } from '../fetch/fetch-run.ts'
import type { Fetcher } from '../fetch/fetcher.ts'
import type { SourceProgress } from '../fetch/source/source-progress.ts'
import { SpeedMeter } from '../fetch/source/speed-meter.ts'
import type { ReplacesOnly, Shelf } from '../shelf.ts'
import { ContentWatch, type DownloadFinder } from './content-watch.ts'
import type { DownloadRun, RunOptions } from './download-run.ts'

interface SingleOptions extends RunOptions {
  readonly name: string
  /** The copy to make; default: that of a download of this name. */
  readonly key?: CopyKey | undefined
  /** Which content, if the name has several; the first otherwise. */
  readonly sha256?: string | undefined
  readonly replacesOnly?: ReplacesOnly | undefined
  /** What an earlier run began to download. */
  readonly begun?: Content | undefined
  /** Bytes that an earlier run verified. */
  readonly begunBytes?: number
}

export interface SingleDependencies {
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly finder: DownloadFinder
  readonly shelf: Pick<Shelf, 'adopt' | 'copyLocal'>
  readonly clock: Clock
  readonly random: Random
}

/** Between two questions to an unreachable index. */
const lookupBackoff = { firstMs: 500, maxMs: 5_000 }

/** What different peers state about one content; the one to believe first in front. */
type Claims = readonly [FoundContent, ...FoundContent[]]

/** A fetched file in its place. */
interface Placed extends Pick<Downloaded, 'path' | 'sources'> {
  readonly size: number
}

/** Downloads one file: from this peer's own disk if it holds the content, from other peers if not. */
export class SingleDownload implements DownloadRun {
  readonly #options: SingleOptions
  readonly #dependencies: SingleDependencies
  #meter: SpeedMeter
  #content: Content | undefined
  /** Defined while other peers are asked. */
  #fetch: FetchRun | undefined
  /** Why the index does not answer. */
  #indexFailure: string | undefined
  /** Of fetches that have ended. */
  #reusedBefore = 0

  constructor(options: SingleOptions, dependencies: SingleDependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#meter = new SpeedMeter(dependencies, options.begunBytes)
  }

  /** What is fetched, once that is known. */
  get content(): Content | undefined {
    return this.#content
  }

  get bytes(): number {
    return this.#meter.bytes
  }

  get reusedBytes(): number {
    return this.#reusedBefore + (this.#fetch?.reusedBytes ?? 0)
  }

  get size(): number | undefined {
    return this.#content?.size
  }

  /**
   * The speed of its sources: steady even where a chunk takes long. Before it is known, that of
   * verified bytes.
   */
  get bytesPerSecond(): number {
    const sent = this.sources.reduce((sum, { bytesPerSecond }) => sum + bytesPerSecond, 0)
    return sent > 0 ? sent : this.#meter.bytesPerSecond
  }

  get sources(): readonly SourceProgress[] {
    return this.#fetch?.sources ?? []
  }

  get waitingFor(): string | undefined {
    return this.#indexFailure ?? this.#fetch?.waitingFor
  }

  get isFed(): boolean {
    return this.sources.some(({ bytes }) => bytes > 0)
  }

  /**
   * Carries it out, once.
   * @returns the file; `sources` is empty when nothing arrived over the network
   * @throws AppError what stands in the way; or the signal's reason
   */
  async run(): Promise<Downloaded> {
    const { clock, shelf } = this.#dependencies
    const { name, key = downloadKey(name), replacesOnly } = this.#options
    const startMs = clock.monotonicMs()
    const claims = await this.#claims()
    const { sha256 } = claims[0]
    const copied = await shelf.copyLocal(sha256, key, { replacesOnly })
    const { path, size, sources } = copied
      ? { path: copied.at.path, size: copied.content.size, sources: [] }
      : await this.#fetchAny(claims)
    this.#meter.onProgress(size)
    const seconds = (clock.monotonicMs() - startMs) / 1000
    const { reusedBytes } = this
    return { name, path, bytes: size, reusedBytes, seconds, sha256, sources }
  }

  /**
   * What is claimed about the content of the hash that was asked for, or of the first: peers may differ
   * in its size and chunk root, and it is unknown who is right until the bytes have arrived
   * (docs/decisions/0004). A download that an earlier run began continues with that content.
   * @throws AppError CONTENT_NOT_FOUND when there is none; what the lookup throws
   */
  async #claims(): Promise<Claims> {
    const { begun, signal } = this.#options
    try {
      const found = await this.#lookUp()
      const sha256 = begun?.sha256 ?? this.#options.sha256 ?? found[0]?.sha256 ?? ''
      const claims = found.filter((content) => content.sha256 === sha256)
      if (isNotEmpty(claims)) return claims
      throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    } catch (error) {
      if (begun === undefined || signal.aborted) throw error
      return [{ ...begun, sources: [] }]
    }
  }

  /** @throws AppError what the lookup throws, but of an unreachable index only if it is not waited for */
  async #lookUp(): Promise<readonly FoundContent[]> {
    const { finder, clock, random } = this.#dependencies
    const { name, begun, signal, waitsForIndex, onChanged } = this.#options
    for (let failures = 1; ; failures += 1)
      try {
        const found = await finder.lookup(name, signal, begun?.sha256 ?? this.#options.sha256)
        this.#indexFailure = undefined
        return found
      } catch (error) {
        const mayWait = waitsForIndex && begun === undefined && !signal.aborted
        if (!mayWait || !hasCode(error, 'INDEX_UNREACHABLE')) throw error
        this.#indexFailure = reasonOf(error)
        onChanged()
        await clock.sleep(backoffMs(failures, lookupBackoff, random), signal)
      }
  }

  /** Believes one claim after another, until one proves true. @throws AppError why the last did not */
  async #fetchAny([claim, ...others]: Claims): Promise<Placed> {
    try {
      return await this.#fetchClaim(claim, !isNotEmpty(others))
    } catch (error) {
      const listed = hasCode(error, 'CONTENT_REPLACED') ? await this.#listedOf(claim) : []
      if (isNotEmpty(listed)) return await this.#fetchAny(listed)
      const isFaultOfClaim = hasCode(error, 'NO_SOURCE') || hasCode(error, 'HASH_MISMATCH')
      if (!isFaultOfClaim || !isNotEmpty(others)) throw error
      this.#meter = new SpeedMeter(this.#dependencies)
      return await this.#fetchAny(others)
    }
  }

  /** What peers state by now about a content that only programs had. */
  async #listedOf(claim: FoundContent): Promise<readonly FoundContent[]> {
    const { sha256 } = claim
    const { name, signal } = this.#options
    if (!isUnlisted(claim)) return []
    const found = await this.#dependencies.finder.lookup(name, signal, sha256)
    return found.filter((content) => content.sha256 === sha256 && !isUnlisted(content))
  }

  async #fetchClaim({ sources, ...content }: FoundContent, isLastClaim: boolean): Promise<Placed> {
    const { fetcher, finder, shelf, clock } = this.#dependencies
    const { name, key = downloadKey(name), replacesOnly, signal, waits, onChanged } = this.#options
    this.#content = content
    onChanged()
    const isFed = (): boolean => this.sources.length > 0
    const watch = new ContentWatch({ name, content }, { finder, clock, isFed })
    const learnsChunks = isUnlisted(content)
    // Another program is another claim: the bytes of several prove nothing before the whole is complete.
    const mayJoin = isLastClaim || !learnsChunks
    this.#fetch = fetcher.fetch({
      content,
      name,
      sources,
      signal: AbortSignal.any([signal, watch.gone]),
      keeps: true,
      learnsChunks,
      waits: isLastClaim && waits,
      ...(mayJoin && { moreSources: (asking: AbortSignal) => watch.sources(asking) }),
      onChanged: () => this.#onFetchChanged(),
    })
    try {
      await using fetched = await this.#fetch.fetched
      const { partialPath, chunkList } = fetched
      const file = { key, content: fetched.content, partialPath, chunkList, replacesOnly }
      const { at } = await shelf.adopt(file).catch((error: unknown) => {
        // The content is good, whatever is wrong with its place.
        fetched.keep()
        throw error
      })
      const gave = fetched.sources.map(({ peerId, host, port }) => ({ peerId, host, port }))
      return { path: at.path, size: content.size, sources: gave }
    } finally {
      this.#reusedBefore = this.reusedBytes
      this.#fetch = undefined
    }
  }

  #onFetchChanged(): void {
    if (this.#fetch !== undefined) this.#meter.onProgress(this.#fetch.verifiedBytes)
    this.#options.onChanged()
  }
}

/** The copy that a download of this name makes. */
export function downloadKey(name: string): CopyKey {
  return { kind: 'downloaded', name }
}

function isNotEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}
