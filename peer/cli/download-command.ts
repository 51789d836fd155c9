import { relative } from 'node:path'
import { Command, InvalidArgumentError } from 'commander'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, errorFromWire, hasCode, reasonOf } from '../../common/errors.ts'
import { isSha256 } from '../../common/ids.ts'
import { deadlines } from '../../common/limits.ts'
import type { PeerApi } from '../api/calls.ts'
import type { Download, Downloaded, DownloadedFiles } from '../api/download-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { wantedOf } from './name-of-content.ts'
import { printable, printableJson } from './printable.ts'
import { progressText } from './progress-bar.ts'
import { downloadLines, filesLines } from './reports.ts'
import type { Session } from './session.ts'

/** Between polls of a running download: often enough for a smooth bar. */
const pollMs = 200

export interface DownloadOptions {
  readonly sha256?: string
  readonly wait?: boolean
  readonly verbose?: boolean
}

/** The part of a session that downloading needs. */
export type DownloadSession = Omit<Session, 'api'> & {
  readonly api: Pick<
    PeerApi,
    'startDownload' | 'download' | 'pauseDownload' | 'findContent' | 'lookup'
  >
  /** How to discard an interrupted download. Default: with `cancel`. */
  readonly discardHint?: (download: Download) => string
}

/** Whether `text` can only be a pattern or a folder. */
export function isPattern(text: string): boolean {
  return /[*?]|\[[^\]]+\]|\/$/.test(text)
}

export function downloadCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('download')
    .alias('get')
    .summary('fetch files into downloaded/')
    .description(
      'Fetches a file from the peers that have it, verifies it, and stores it in downloaded/. A folder, or a pattern with * ? [..] **, fetches all matching files. A SHA-256 fetches the file that has this content.',
    )
    .argument('<name>', 'full name of a file or folder, a pattern, or a SHA-256')
    .option('--sha256 <hex>', 'version to fetch, if the name has several', parseSha256)
    .option('--no-wait', 'fail instead of waiting if no source is available')
    .option('-v, --verbose', 'show the progress of each source')
    .action((name: string, options: Options & DownloadOptions) =>
      run(options, (session) => download(session, name, options)),
    )
}

export function parseSha256(text: string): string {
  const sha256 = text.toLowerCase()
  if (!isSha256(sha256)) throw new InvalidArgumentError('Must have 64 hexadecimal digits.')
  return sha256
}

/**
 * Downloads a file, a folder, or all matches of a pattern, and prints the path. If the session is
 * aborted, pauses the download, which keeps its partial data.
 * @param typed a name, a folder, a pattern, or the SHA-256 of a content
 * @throws AppError INTERRUPTED, CONTENT_NOT_FOUND, or the error of the download
 */
export async function download(
  session: DownloadSession,
  typed: string,
  options: DownloadOptions,
): Promise<void> {
  const { api, terminal, signal } = session
  const { wait = true, verbose = false } = options
  const { name, sha256 } = await wantedOf({ name: typed, sha256: options.sha256 }, api, signal)
  const request = {
    name,
    ...(sha256 !== undefined && { sha256 }),
    ...(sha256 === undefined && isPattern(name) && { pattern: true }),
    ...(!wait && { wait }),
  }
  const started = await api.startDownload(request, signal)
  const ended = await follow(session, started, { wait, verbose })
  if (ended.state === 'paused' && ended.error === undefined)
    throw new AppError('PAUSED', { name, id: ended.id })
  const { files } = ended
  if (files !== undefined && files.total > 0)
    await terminal.print(
      session.json ? printableJson(filesJson(ended, files), 2) : filesText(session, ended, files),
    )
  if (ended.error !== undefined) throw errorFromWire(ended.error)
  if (files !== undefined) return
  if (ended.result === undefined) throw new AppError('INTERNAL')
  await terminal.print(
    session.json ? printableJson(ended.result, 2) : downloadedText(session, ended.result),
  )
}

function downloadedText(session: DownloadSession, result: Downloaded): string {
  const lines = downloadLines(result, shownPath(session, result.path))
  return lines.join(session.terminal.isForPeople ? '\n' : ' ')
}

function filesText(session: DownloadSession, ended: Download, files: DownloadedFiles): string {
  return filesLines(ended, { ...files, folder: shownPath(session, files.folder) }).join('\n')
}

/** The JSON for many files; `bytes` is the total of the complete ones. */
function filesJson({ name, bytes }: Download, files: DownloadedFiles): object {
  const { total, done, failed, seconds, folder, failures } = files
  return { name, folder, files: total, done, failed, bytes, seconds, failures }
}

/** Relative to the working folder if it is inside. */
function shownPath({ workingFolder }: DownloadSession, path: string): string {
  const fromHere = relative(workingFolder, path)
  return fromHere.startsWith('..') ? path : fromHere || '.'
}

async function follow(
  session: DownloadSession,
  started: Download,
  { wait, verbose: isVerbose }: { wait: boolean; verbose: boolean },
): Promise<Download> {
  const { api, terminal, signal } = session
  let now = started
  let isWaitingSaid = false
  try {
    while (now.state === 'waiting' || now.state === 'running') {
      const shown = now
      // An earlier request started it, with `wait`.
      if (shown.waitingFor !== undefined && !wait)
        throw new AppError('NO_SOURCE', { name: shown.name, tried: shown.waitingFor })
      if (shown.waitingFor !== undefined && !isWaitingSaid) {
        isWaitingSaid = true
        terminal.remark(
          `No source for '${printable(shown.name)}' is available, so the download waits. Tried: ${printable(shown.waitingFor)}.`,
        )
      }
      terminal.showProgress((columns) => progressText(shown, { columns, isVerbose }))
      now = await api.download({ id: now.id, waitMs: pollMs }, signal)
    }
    return now
  } catch (error) {
    // If the peer itself stops, its next run resumes the download.
    if (!signal.aborted || hasCode(signal.reason, 'STOPPING')) throw error
    return await interrupt(session, now)
  }
}

/** Pauses the download; returns it if it just ended. @throws AppError INTERRUPTED */
async function interrupt(session: DownloadSession, download: Download): Promise<Download> {
  const { api, clock } = session
  const { id, name } = download
  const what = `The download of '${name}'`
  const deadline = { what: 'Pausing the download', deadlineMs: deadlines.requestMs }
  let paused: Download
  try {
    paused = await withDeadline(deadline, clock, (signal) => api.pauseDownload({ id }, signal))
  } catch (error) {
    const hint = `it could not be paused and may still be running (${reasonOf(error)})`
    throw new AppError('INTERRUPTED', { what, hint }, { cause: error })
  }
  if (paused.state === 'done' || paused.state === 'failed') return paused
  const discardHint = session.discardHint ?? ((): string => `\`cancel ${id}\` discards it`)
  const hint = `its partial data is kept; the same command resumes it, ${discardHint(paused)}`
  throw new AppError('INTERRUPTED', { what, hint })
}
