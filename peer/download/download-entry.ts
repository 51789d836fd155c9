import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type {
  ApiError,
  Download,
  Downloaded,
  DownloadedFiles,
  DownloadRequest,
} from '../api/shapes.ts'
import type { FetchProgress } from '../fetch/fetcher.ts'
import { SpeedMeter } from '../fetch/source/speed-meter.ts'
import type { DownloadRecord } from './download-records.ts'
import type { GroupProgress } from './group-progress.ts'

/** A download as the queue keeps it. */
export interface Entry {
  readonly id: string
  /** With a name that was checked. */
  readonly request: DownloadRequest
  /** Resolved when it has ended or is paused. */
  ended: PromiseWithResolvers<void>
  /** Aborted to end the present run of it. */
  stop: AbortController
  meter: SpeedMeter
  /** Whether to wait when the index is away before the content is known: an earlier run was asked for it, and nobody looks. */
  waitsForIndex: boolean
  state: Download['state']
  /** Whether it runs and was sent nothing since it last had to wait for a source. */
  isStarved: boolean
  /** What is being fetched, once that is known. */
  content?: Content | undefined
  /** Of many files those of which some came, by name: it is kept until they are there. */
  readonly begun: Map<string, Content>
  progress?: FetchProgress | undefined
  /** How it goes when it is of many files. */
  group?: GroupProgress | undefined
  result?: Downloaded
  error?: AppError | undefined
}

export function newEntry({ id, request, content, isPaused }: DownloadRecord, clock: Clock): Entry {
  return {
    id,
    request,
    content,
    begun: new Map(),
    ended: Promise.withResolvers<void>(),
    stop: new AbortController(),
    meter: new SpeedMeter({ clock }),
    waitsForIndex: false,
    isStarved: false,
    state: isPaused ? 'paused' : 'waiting',
  }
}

export function recordOf({ id, request, content, state }: Entry): DownloadRecord {
  return { id, request, ...(content && { content }), isPaused: isPaused({ state }) }
}

/** What two requests for the same download have in common. */
export function keyOf({ name, sha256, pattern }: DownloadRequest): string {
  return `${pattern === true ? 'pattern' : (sha256 ?? 'any')}/${name}`
}

export function isPaused({ state }: Pick<Entry, 'state'>): boolean {
  return state === 'paused'
}

export function hasEnded({ state }: Entry): boolean {
  return state === 'done' || state === 'failed'
}

/** Whether somebody sends something. */
export function isFed({ progress, group }: Entry): boolean {
  if (group !== undefined) return progress === undefined
  return progress?.sources.some(({ bytes }) => bytes > 0) ?? false
}

/** What others are told of it. */
export function snapshotOf(entry: Entry, nowMs: number): Download {
  const { id, request, state, content, meter, progress, group, result, error } = entry
  const isRunning = state === 'running'
  return {
    id,
    name: request.name,
    state,
    bytes: meter.bytes,
    size: result?.bytes ?? group?.size ?? content?.size ?? 0,
    bytesPerSecond: isRunning ? speedOf(entry) : 0,
    sources: isRunning ? ((group ?? progress)?.sources.map(sourceText) ?? []) : [],
    ...(isRunning && waitsFor(request, progress)),
    ...(group && { files: filesOf(group, nowMs) }),
    ...(result && { result }),
    ...(error && { error: errorOf(error) }),
  }
}

/** One that shall not wait ends instead, as soon as there is nobody else to try. */
function waitsFor(
  { wait = true }: DownloadRequest,
  { waitingFor }: Partial<FetchProgress> = {},
): Pick<Download, 'waitingFor'> {
  return wait && waitingFor !== undefined ? { waitingFor } : {}
}

/** What its sources send: steady also where a chunk takes long. Before that is known, what was verified. */
function speedOf({ meter, progress }: Entry): number {
  const sent = (progress?.sources ?? []).reduce(
    (sum, { bytesPerSecond }) => sum + bytesPerSecond,
    0,
  )
  return sent > 0 ? sent : meter.bytesPerSecond
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
}: FetchProgress['sources'][number]): Download['sources'][number] {
  return { peerId, host, port, bytes, bytesPerSecond }
}
