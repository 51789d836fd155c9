import type { Clock } from '../../common/clock.ts'
import { isUnlisted } from '../../common/content/chunks.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import type { Content, FoundContent, Source } from '../../common/protocol/messages.ts'

/**
 * An index that lost its disk learns of most files within seconds; a content unlisted for this long
 * is gone.
 */
export const contentGoneMs = 60_000

/** What a download asks the index. */
export interface DownloadFinder {
  /**
   * The contents of `name`, the one to take first in front; at least one. With `sha256` also that one,
   * if it is a replaced version that is still available.
   * @throws AppError NAME_NOT_FOUND, INDEX_UNREACHABLE
   */
  lookup(name: string, signal: AbortSignal, sha256?: string): Promise<readonly FoundContent[]>
}

interface ContentWatchOptions {
  readonly name: string
  readonly content: Content
}

interface ContentWatchDependencies {
  readonly clock: Clock
  readonly finder: DownloadFinder
  /** Whether a source sends it now, whatever the index knows. */
  readonly isFed: () => boolean
}

/**
 * Whether a content that the index does not list under its name is gone for good: immediately if the
 * name has others; if it has none, only after a while, because peers may not have announced it yet to
 * an index that lost its disk.
 */
export function isGone({ hasOthers, absentMs }: { hasOthers: boolean; absentMs: number }): boolean {
  return hasOthers || absentMs >= contentGoneMs
}

/**
 * Asks the index for the sources of a content that is being downloaded, and notices when there will be
 * none.
 */
export class ContentWatch {
  readonly #options: ContentWatchOptions
  readonly #dependencies: ContentWatchDependencies
  readonly #gone = new AbortController()
  #absentSinceMs: number | undefined

  constructor(options: ContentWatchOptions, dependencies: ContentWatchDependencies) {
    this.#options = options
    this.#dependencies = dependencies
  }

  /**
   * Aborted with CONTENT_REPLACED or NAME_NOT_FOUND when the content is gone; CONTENT_REPLACED, too, when
   * peers have a content that only programs had, and no program sends it.
   */
  get gone(): AbortSignal {
    return this.#gone.signal
  }

  /**
   * The sources that have it now. @throws AppError NAME_NOT_FOUND, INDEX_UNREACHABLE; or the signal's
   * reason
   */
  async sources(signal: AbortSignal): Promise<Source[]> {
    const { name, content } = this.#options
    try {
      const found = await this.#dependencies.finder.lookup(name, signal, content.sha256)
      const isListed = found.some(({ sha256 }) => sha256 === content.sha256)
      if (isListed) this.#absentSinceMs = undefined
      if (isListed && this.#isWithPeers(found)) this.#gone.abort(replaced(name))
      if (!isListed) this.#onAbsent(replaced(name))
      return sourcesOf(content, found)
    } catch (error) {
      if (hasCode(error, 'NAME_NOT_FOUND') || hasCode(error, 'FILE_DELETED')) this.#onAbsent(error)
      throw error
    }
  }

  #isWithPeers(found: readonly FoundContent[]): boolean {
    const { content } = this.#options
    const isOfPeers = (one: FoundContent): boolean =>
      one.sha256 === content.sha256 && !isUnlisted(one)
    return isUnlisted(content) && !this.#dependencies.isFed() && found.some(isOfPeers)
  }

  #onAbsent(reason: AppError): void {
    const { clock, isFed } = this.#dependencies
    const nowMs = clock.monotonicMs()
    this.#absentSinceMs ??= nowMs
    const hasOthers = reason.code === 'CONTENT_REPLACED'
    if (!isFed() && isGone({ hasOthers, absentMs: nowMs - this.#absentSinceMs }))
      this.#gone.abort(reason)
  }
}

function replaced(name: string): AppError {
  return new AppError('CONTENT_REPLACED', { name })
}

function sourcesOf({ sha256, size, chunkRoot }: Content, found: readonly FoundContent[]): Source[] {
  return found
    .filter((one) => one.sha256 === sha256 && one.size === size && one.chunkRoot === chunkRoot)
    .flatMap(({ sources }) => sources)
}
