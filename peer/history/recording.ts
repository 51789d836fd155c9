/** Queries, with each call recorded. */
import type { Clock } from '../../common/clock.ts'
import { toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Caller, PastQuery, QueryKind } from '../../common/protocol/history-messages.ts'
import type { FoundContent } from '../../common/protocol/messages.ts'
import { formatAddress } from '../../common/protocol/transport.ts'
import type { PeerApi } from '../api/calls.ts'
import type { QueryLog } from './query-log.ts'

type Answer = Pick<PastQuery, 'found' | 'sha256' | 'addresses'>

interface Recorder {
  readonly log: Pick<QueryLog, 'add'>
  readonly by: Caller
  readonly clock: Clock
}

async function recorded<T>(
  query: { readonly kind: QueryKind; readonly what: string },
  { log, by, clock }: Recorder,
  ask: () => Promise<T>,
  answerOf: (reply: T) => Answer,
): Promise<T> {
  const startMs = clock.monotonicMs()
  const add = (answer: () => Answer & { error?: string }): void =>
    log.add({ ...query, by, durationMs: clock.monotonicMs() - startMs }, answer)
  try {
    const reply = await ask()
    add(() => answerOf(reply))
    return reply
  } catch (error) {
    add(() => ({ error: toAppError(error).code }))
    throw error
  }
}

type Queries = Pick<PeerApi, 'folder' | 'lookup' | 'search'>

/** The queries of an API. */
export function recordedQueries(api: Queries, recorder: Recorder): Queries {
  return {
    lookup: (request, signal) =>
      recorded(
        { kind: 'lookup', what: request.name },
        recorder,
        () => api.lookup(request, signal),
        ({ files }) => answerOfLookup(files),
      ),
    search: (request, signal) =>
      recorded(
        { kind: 'search', what: request.q },
        recorder,
        () => api.search(request, signal),
        ({ files }) => ({ found: files.length }),
      ),
    folder: (request, signal) =>
      recorded(
        { kind: 'browse', what: request.folder },
        recorder,
        () => api.folder(request, signal),
        ({ entries }) => ({ found: entries.length }),
      ),
  }
}

interface DownloadFinder {
  lookup(name: string, signal?: AbortSignal, sha256?: string): Promise<readonly FoundContent[]>
}

/** The lookups of downloads. */
export function recordedLookups(finder: DownloadFinder, recorder: Recorder): DownloadFinder {
  return {
    lookup: (name, signal, sha256) =>
      recorded(
        { kind: 'lookup', what: name },
        recorder,
        () => finder.lookup(name, signal, sha256),
        answerOfLookup,
      ),
  }
}

function answerOfLookup(contents: readonly Pick<FoundContent, 'sha256' | 'sources'>[]): Answer {
  const [first] = contents
  if (first === undefined) return { found: 0 }
  const addresses = first.sources.slice(0, limits.queryAddressesMax).map(formatAddress)
  return { found: contents.length, sha256: first.sha256, addresses }
}
