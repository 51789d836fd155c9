import { backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode, reasonOf } from '../../common/errors.ts'
import type { CopyKey, FoundContent } from '../../common/protocol/messages.ts'
import type { Random } from '../../common/random.ts'
import type { Downloaded } from '../api/shapes.ts'
import type { Fetcher, FetchProgress } from '../fetch/fetcher.ts'
import { SpeedMeter } from '../fetch/source/speed-meter.ts'
import type { Shelf } from '../shelf.ts'
import { ContentWatch, type DownloadFinder } from './content-watch.ts'
import type { Entry } from './download-entry.ts'

interface WorkDependencies {
  readonly fetcher: Pick<Fetcher, 'fetch'>
  readonly finder: DownloadFinder
  readonly shelf: Pick<Shelf, 'adopt' | 'copyLocal'>
  readonly clock: Clock
  readonly random: Random
  /** Told when the content is known, and of each change of the progress. */
  readonly onProgress: (entry: Entry) => void
}

/** From one question to an index that is away to the next. */
const lookupBackoff = { firstMs: 500, maxMs: 5_000 }

/** What different peers say that one content is; the one to believe first in front. */
type Claims = readonly [FoundContent, ...FoundContent[]]

/** A fetched file in its place. */
interface Placed extends Pick<Downloaded, 'path' | 'sources'> {
  readonly size: number
}

/**
 * Carries out one download: from this peer's own disk if it holds the content, from others if not.
 * @returns what came of it; `sources` is empty when nothing came over the network
 * @throws AppError what stands in the way; or the reason of the entry's signal
 */
export async function carryOut(entry: Entry, dependencies: WorkDependencies): Promise<Downloaded> {
  const { clock, shelf } = dependencies
  const { name } = entry.request
  const startMs = clock.monotonicMs()
  const claims = await claimsFor(entry, dependencies)
  const { sha256 } = claims[0]
  const copied = await shelf.copyLocal(sha256, downloadKey(name))
  const { path, size, sources } = copied
    ? { path: copied.at.path, size: copied.content.size, sources: [] }
    : await fetchAny(entry, claims, dependencies)
  entry.meter.onProgress(size)
  const seconds = (clock.monotonicMs() - startMs) / 1000
  return { name, path, bytes: size, seconds, sha256, sources }
}

/**
 * What is claimed about the content of the hash that was asked for, or of the first: peers may differ
 * in its size and chunk root, and nobody knows who is right before the bytes are there
 * (docs/decisions/0004). A download that an earlier run began goes on with what it began.
 * @throws AppError CONTENT_NOT_FOUND when there is none; what the lookup throws
 */
async function claimsFor(entry: Entry, dependencies: WorkDependencies): Promise<Claims> {
  const { content: begun, stop } = entry
  try {
    const found = await lookUp(entry, dependencies)
    const sha256 = begun?.sha256 ?? entry.request.sha256 ?? found[0]?.sha256 ?? ''
    const claims = found.filter((content) => content.sha256 === sha256)
    if (isNotEmpty(claims)) return claims
    throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  } catch (error) {
    if (begun === undefined || stop.signal.aborted) throw error
    return [{ ...begun, sources: [] }]
  }
}

/** @throws AppError what the lookup throws, but of an index that is away only if nobody waits for it */
async function lookUp(
  entry: Entry,
  { finder, clock, random, onProgress }: WorkDependencies,
): Promise<readonly FoundContent[]> {
  const { request, content, stop, waitsForIndex } = entry
  for (let failures = 1; ; failures += 1)
    try {
      return await finder.lookup(request.name, stop.signal, content?.sha256 ?? request.sha256)
    } catch (error) {
      const mayWait = waitsForIndex && content === undefined && !stop.signal.aborted
      if (!mayWait || !hasCode(error, 'INDEX_UNREACHABLE')) throw error
      entry.progress = { verifiedBytes: 0, sources: [], waitingFor: reasonOf(error) }
      onProgress(entry)
      await clock.sleep(backoffMs(failures, lookupBackoff, random), stop.signal)
    }
}

/** Believes one claim after another, until one proves true. @throws AppError why the last did not */
async function fetchAny(
  entry: Entry,
  [claim, ...others]: Claims,
  dependencies: WorkDependencies,
): Promise<Placed> {
  try {
    return await fetchClaim(entry, claim, !isNotEmpty(others), dependencies)
  } catch (error) {
    const isFaultOfClaim = hasCode(error, 'NO_SOURCE') || hasCode(error, 'HASH_MISMATCH')
    if (!isFaultOfClaim || !isNotEmpty(others)) throw error
    entry.meter = new SpeedMeter(dependencies)
    return await fetchAny(entry, others, dependencies)
  }
}

async function fetchClaim(
  entry: Entry,
  { sources, ...content }: FoundContent,
  isLastClaim: boolean,
  { fetcher, finder, shelf, clock, onProgress }: WorkDependencies,
): Promise<Placed> {
  const { request, stop, meter } = entry
  const { name } = request
  entry.content = content
  entry.progress = undefined
  onProgress(entry)
  const isFed = (): boolean => (entry.progress?.sources.length ?? 0) > 0
  const watch = new ContentWatch({ name, content }, { finder, clock, isFed })
  await using fetched = await fetcher.fetch({
    content,
    name,
    sources,
    signal: AbortSignal.any([stop.signal, watch.gone]),
    keeps: true,
    waits: isLastClaim && request.wait !== false,
    moreSources: (signal) => watch.sources(signal),
    onProgress: (progress: FetchProgress) => {
      entry.progress = progress
      meter.onProgress(progress.verifiedBytes)
      onProgress(entry)
    },
  })
  const { partialPath, chunkList } = fetched
  const file = { key: downloadKey(name), content, partialPath, chunkList }
  const { at } = await shelf.adopt(file).catch((error: unknown) => {
    // The content is good, whatever is wrong with its place.
    fetched.keep()
    throw error
  })
  const gave = fetched.sources.map(({ peerId, host, port }) => ({ peerId, host, port }))
  return { path: at.path, size: content.size, sources: gave }
}

/** The copy that a download of this name makes. */
export function downloadKey(name: string): CopyKey {
  return { kind: 'downloaded', name }
}

function isNotEmpty<T>(list: readonly T[]): list is readonly [T, ...T[]] {
  return list.length > 0
}
