import { hashFile } from '../../common/content/hash.ts'
import type { Downloaded, DownloadRequest } from '../../peer/api/download-shapes.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import { apiOf } from './cluster-fixture.ts'
import type { TandemProcess } from './tandem-process.ts'

/** A download as reported by the peer, and as found on its disk. */
export interface CheckedDownload extends Downloaded {
  readonly sha256OnDisk: string
}

/**
 * Downloads a file through a peer and hashes it.
 * @throws AppError the error of the download
 */
export async function downloadAndHash(
  peer: TandemProcess,
  request: DownloadRequest,
): Promise<CheckedDownload> {
  using api = apiOf(peer)
  const result = await downloadToEnd(api, request)
  const { content } = await hashFile(result.path)
  return { ...result, sha256OnDisk: content.sha256 }
}
