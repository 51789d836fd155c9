import { relative } from 'node:path'
import { withDeadline } from '../../common/deadline.ts'
import { AppError, errorFromWire } from '../../common/errors.ts'
import { deadlines } from '../../common/limits.ts'
import type { Download, Downloaded, DownloadRequest } from '../api.ts'
import { printableJson } from './printable.ts'
import { progressLine } from './progress-bar.ts'
import { downloadLines } from './reports.ts'
import type { Session } from './session.ts'

/** Between two looks at a running download: often enough for a smooth bar. */
const pollMs = 200

/**
 * Downloads a file and says where it is. When the session is aborted the download is cancelled.
 * @throws AppError CANCELLED, or what the download failed with
 */
export async function download(session: Session, request: DownloadRequest): Promise<void> {
  const { api, terminal, signal } = session
  const started = await api.startDownload(request, signal)
  const ended = await follow(session, started)
  if (ended.error !== undefined) throw errorFromWire(ended.error)
  if (ended.result === undefined) throw new AppError('INTERNAL')
  await terminal.print(
    session.json ? printableJson(ended.result, 2) : downloadedText(session, ended.result),
  )
}

function downloadedText({ terminal, workingFolder }: Session, result: Downloaded): string {
  const fromHere = relative(workingFolder, result.path)
  const lines = downloadLines(result, fromHere.startsWith('..') ? result.path : fromHere)
  return lines.join(terminal.isForPeople ? '\n' : ' ')
}

async function follow(session: Session, started: Download): Promise<Download> {
  const { api, terminal, signal } = session
  let now = started
  try {
    while (now.state === 'waiting' || now.state === 'running') {
      const shown = now
      terminal.showProgress((columns) => progressLine(shown, columns))
      now = await api.download(now.id, pollMs, signal)
    }
    return now
  } catch (error) {
    if (!signal.aborted) throw error
    return await cancel(session, now)
  }
}

/** The download as it ended: cancelled, unless it was done just before. */
async function cancel({ api, clock }: Session, { id, name }: Download): Promise<Download> {
  const what = `The download of '${name}'`
  const deadline = { what: 'Cancelling the download', deadlineMs: deadlines.requestMs }
  const ended = await withDeadline(deadline, clock, async (signal) => {
    await api.cancelDownload(id, signal)
    return await api.download(id, 0, signal)
  })
  if (ended.state === 'done') return ended
  throw new AppError('CANCELLED', { what })
}
