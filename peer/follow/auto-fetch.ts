import { type BackoffOptions, backoffMs } from '../../common/backoff.ts'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { Random } from '../../common/random.ts'
import { unlessAborted } from '../../common/unless-aborted.ts'
import type { ListedFile } from '../api/file-shapes.ts'
import {
  type BackgroundDownloads,
  endOf,
  type FollowIndex,
  type FollowShelf,
} from './follow-parts.ts'
import type { FollowStore } from './follow-store.ts'

/** Files looked at for each that is wanted: some may have no source. */
const triedFactor = 10
/** Least time between two looks at the index, which may be empty as yet. */
const lookPauseMs = 1_000
const failureBackoff: BackoffOptions = { firstMs: 1_000, maxMs: 60_000 }

interface Dependencies {
  readonly shelf: Pick<FollowShelf, 'ready' | 'downloaded' | 'isShared'>
  readonly index: Pick<FollowIndex, 'awaitChanges'> & {
    /** One page of files that this peer does not have. */
    listRemote(
      page: { limit: number; after?: string | undefined },
      signal: AbortSignal,
    ): Promise<{ files: ListedFile[]; next?: string }>
  }
  readonly downloads: Pick<BackgroundDownloads, 'start' | 'wait'>
  /** Counts over all runs of this peer. */
  readonly store: Pick<FollowStore, 'addAutoFetched' | 'autoFetched'>
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
}

/**
 * Downloads a few files that this peer does not have, as soon as the cluster has some; resolves when
 * that number is complete, those of earlier runs included, or after many failures. @throws the signal's reason
 */
export async function autoFetch(
  wanted: number,
  dependencies: Dependencies,
  signal: AbortSignal,
): Promise<void> {
  const { shelf, index, clock, random, log } = dependencies
  await unlessAborted(shelf.ready, signal)
  const tried = new Set<string>()
  const count = wanted - dependencies.store.autoFetched
  let done = 0
  let cursor: string | undefined
  for (let failures = 0; done < count && tried.size < triedFactor * count; ) {
    try {
      cursor = (await index.awaitChanges(cursor, signal)).cursor
      done += await fetchSome(count - done, tried, dependencies, signal)
      failures = 0
      if (done < count) await clock.sleep(lookPauseMs, signal)
    } catch (error) {
      signal.throwIfAborted()
      cursor = undefined
      failures += 1
      log.debug({ reason: reasonOf(error) }, 'files could not be fetched automatically')
      await clock.sleep(backoffMs(failures, failureBackoff, random), signal)
    }
  }
}

/** @returns the number of files that were fetched, which may be lower */
async function fetchSome(
  count: number,
  tried: Set<string>,
  { index, shelf, downloads, store }: Dependencies,
  signal: AbortSignal,
): Promise<number> {
  const chosen: ListedFile[] = []
  let after: string | undefined
  do {
    const page = await index.listRemote({ limit: count, after }, signal)
    for (const file of page.files) {
      const isTaken = shelf.downloaded(file.name) !== undefined || shelf.isShared(file.name)
      if (isTaken || tried.has(file.name) || chosen.length === count) continue
      tried.add(file.name)
      chosen.push(file)
    }
    after = page.next
  } while (after !== undefined && chosen.length < count)
  const started = chosen.map(({ name, sha256 }) => {
    const request = { name, sha256, wait: false }
    return downloads.start(request, { startedBy: 'auto-fetch', replacesOnly: [] }).id
  })
  const ended = started.map(async (id) => {
    const { state } = await endOf(id, downloads, signal)
    if (state === 'done') store.addAutoFetched()
    return state
  })
  return (await Promise.all(ended)).filter((state) => state === 'done').length
}
