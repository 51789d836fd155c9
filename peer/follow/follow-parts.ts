/** What following and automatic fetching need of the rest of the peer. */
import type { AwaitedChanges } from '../../common/protocol/change-messages.ts'
import type { MatchedFile } from '../../common/protocol/messages.ts'
import type { Download, DownloadRequest, StartedBy } from '../api/download-shapes.ts'

/** Between two questions whether a download has ended. */
const downloadWaitMs = 30_000

/** What following needs of the peer's files. */
export interface FollowShelf {
  /** Resolves when the files that were there at the start are known. */
  readonly ready: Promise<void>
  /** The hash of a file in downloaded/. */
  downloaded(name: string): string | undefined
  /** Whether this peer shares a file of that name. */
  isShared(name: string): boolean
}

/** The queue of downloads. */
export interface BackgroundDownloads {
  /** @throws AppError TOO_MANY_DOWNLOADS, STOPPING */
  start(
    request: DownloadRequest,
    background: { readonly startedBy: StartedBy; readonly replacesOnly: string[] },
  ): Download
  wait(id: string, waitMs: number, signal: AbortSignal): Promise<Download>
  resume(id: string): Download
  cancel(id: string): Promise<void>
}

/** What the index tells. */
export interface FollowIndex {
  /** As soon as there is a connection, and something has changed. */
  awaitChanges(after: string | undefined, signal: AbortSignal): Promise<AwaitedChanges>
  match(
    request: { pattern: string; after?: string | undefined; withModified?: boolean },
    signal: AbortSignal,
  ): Promise<{ files: MatchedFile[]; next?: string }>
}

/** A download once it has ended or is paused. @throws the signal's reason */
export async function endOf(
  id: string,
  downloads: Pick<BackgroundDownloads, 'wait'>,
  signal: AbortSignal,
): Promise<Download> {
  for (;;) {
    const now = await downloads.wait(id, downloadWaitMs, signal)
    signal.throwIfAborted()
    if (now.state !== 'waiting' && now.state !== 'running') return now
  }
}
