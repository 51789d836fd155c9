import { AppError, errorFromWire } from '../../common/errors.ts'
import type { PeerApi } from './calls.ts'
import type { Downloaded, DownloadRequest } from './download-shapes.ts'

/** Longest wait per poll; a poll returns when the download ends. */
const pollMs = 10_000

/**
 * Downloads a file and waits for it; fails if there is no source.
 * @throws AppError the error of the download, or of the request
 */
export async function downloadToEnd(
  api: Pick<PeerApi, 'startDownload' | 'download'>,
  request: DownloadRequest,
): Promise<Downloaded> {
  let now = await api.startDownload({ ...request, wait: false })
  while (now.state === 'waiting' || now.state === 'running') {
    // An earlier request started it, with `wait`.
    if (now.waitingFor !== undefined)
      throw new AppError('NO_SOURCE', { name: now.name, tried: now.waitingFor })
    now = await api.download({ id: now.id, waitMs: pollMs })
  }
  if (now.state === 'paused' && now.error === undefined)
    throw new AppError('PAUSED', { name: now.name, id: now.id })
  if (now.error !== undefined) throw errorFromWire(now.error)
  if (now.result === undefined) throw new AppError('INTERNAL')
  return now.result
}
