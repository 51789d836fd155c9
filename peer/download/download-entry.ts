import type { AppError } from '../../common/errors.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type {
  ApiError,
  Download,
  Downloaded,
  DownloadedFiles,
  DownloadRequest,
} from '../api/download-shapes.ts'
import type { SourceProgress } from '../fetch/source/source-progress.ts'
import type { Background, DownloadRecord } from './download-records.ts'
import { GroupDownload } from './group-download.ts'
import type { GroupProgress } from './group-progress.ts'
import type { SingleDownload } from './single-download.ts'

/** A download in the queue. Only `Downloads` writes it; how far its run is, is read from the run. */
export interface DownloadEntry {
  readonly id: string
  /** With a name that was checked. */
  readonly request: DownloadRequest
  readonly background: Background | undefined
  /** Resolved when it has ended or is paused. */
  ended: PromiseWithResolvers<void>
  /** Aborted to end its present run. */
  stop: AbortController
  /** Whether to wait for an unreachable index before the content is known: an earlier run of the peer accepted it, and no caller looks. */
  readonly waitsForIndex: boolean
  state: Download['state']
  /** Whether it runs and has received nothing since it last had to wait for a source. */
  isStarved: boolean
  /** What is being fetched, once that is known. */
  content: Content | undefined
  /** Of many files, those of which partial data is kept, by name. */
  begun: ReadonlyMap<string, Content>
  /** The present run, or the last one. */
  run: SingleDownload | GroupDownload | undefined
  result: Downloaded | undefined
  error: AppError | undefined
  /** Of all downloads, when it last changed: other than by progress. */
  version: number
  /** Among all downloads of this run of the peer, in the order of their starts; from 1. */
  place: number
}

export function newEntry(
  { id, request, background, content, isPaused }: DownloadRecord,
  { waitsForIndex }: Pick<DownloadEntry, 'waitsForIndex'>,
): DownloadEntry {
  return {
    id,
    request,
    background,
    content,
    begun: new Map(),
    ended: Promise.withResolvers<void>(),
    stop: new AbortController(),
    waitsForIndex,
    isStarved: false,
    state: isPaused ? 'paused' : 'waiting',
    run: undefined,
    result: undefined,
    error: undefined,
    version: 0,
    place: 0,
  }
}

export function recordOf(entry: DownloadEntry): DownloadRecord {
  const { id, request, background, content } = entry
  const more = { ...(background && { background }), ...(content && { content }) }
  return { id, request, ...more, isPaused: isPaused(entry) }
}

/** The key that two requests for the same download share. */
export function keyOf({
  request: { name, sha256, pattern },
  background,
}: Pick<DownloadEntry, 'request' | 'background'>): string {
  const what = pattern === true ? 'pattern' : (sha256 ?? 'any')
  return `${background === undefined ? '' : 'background '}${what}/${name}`
}

export function isPaused({ state }: Pick<DownloadEntry, 'state'>): boolean {
  return state === 'paused'
}

export function hasEnded({ state }: DownloadEntry): boolean {
  return state === 'done' || state === 'failed'
}

/** The download as callers see it. */
export function snapshotOf(entry: DownloadEntry, nowMs: number): Download {
  const { id, request, background, state, content, run, result, error } = entry
  const running = state === 'running' ? run : undefined
  return {
    id,
    name: request.name,
    state,
    bytes: run?.bytes ?? 0,
    reusedBytes: run?.reusedBytes ?? 0,
    size: result?.bytes ?? run?.size ?? content?.size ?? 0,
    bytesPerSecond: running?.bytesPerSecond ?? 0,
    sources: running?.sources.map(sourceText) ?? [],
    ...(background && { startedBy: background.startedBy }),
    ...(running && waitsFor(request, running)),
    ...(run instanceof GroupDownload && { files: filesOf(run.progress, nowMs) }),
    ...(result && { result }),
    ...(error && { error: errorOf(error) }),
  }
}

/** A download that does not wait ends instead, as soon as there is no source left to try. */
function waitsFor(
  { wait = true }: DownloadRequest,
  { waitingFor }: SingleDownload | GroupDownload,
): Pick<Download, 'waitingFor'> {
  return wait && waitingFor !== undefined ? { waitingFor } : {}
}

function filesOf(group: GroupProgress, nowMs: number): DownloadedFiles {
  const { total, isListed, done, failed, failures, folder, startMs, endMs = nowMs } = group
  return {
    total,
    isListed,
    done,
    failed,
    failures: failures.map(({ name, error }) => ({ name, error: errorOf(error) })),
    folder,
    seconds: (endMs - startMs) / 1000,
  }
}

function errorOf({ code, message, retryable, details }: AppError): ApiError {
  return { code, message, retryable, details: { ...details } }
}

function sourceText({
  source: { peerId, host, port },
  bytes,
  bytesPerSecond,
}: SourceProgress): Download['sources'][number] {
  return { peerId, host, port, bytes, bytesPerSecond }
}
