import { AppError, errorFromWire } from '../../common/errors.ts'
import type { PeerApi } from './calls.ts'
import type { Downloaded, DownloadRequest } from './shapes.ts'

/** One look at a running download; it answers as soon as the download ends. */
const lookMs = 10_000

/**
 * Downloads a file and waits until it is there; when there is no source it fails.
 * @throws AppError what the download failed with, or what asking for it failed with
 */
export async function downloadToEnd(
  api: Pick<PeerApi, 'startDownload' | 'download'>,
  request: DownloadRequest,
): Promise<Downloaded> {
  let now = await api.startDownload({ ...request, wait: false })
  while (now.state === 'waiting' || now.state === 'running') {
    // It is somebody else's, who waits.
    if (now.waitingFor !== undefined)
      throw new AppError('NO_SOURCE', { name: now.name, tried: now.waitingFor })
    now = await api.download({ id: now.id, waitMs: lookMs })
  }
  if (now.state === 'paused' && now.error === undefined)
    throw new AppError('PAUSED', { name: now.name, id: now.id })
  if (now.error !== undefined) throw errorFromWire(now.error)
  if (now.result === undefined) throw new AppError('INTERNAL')
  return now.result
}
