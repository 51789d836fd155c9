import { systemClock } from '../../common/clock.ts'
import { downloadToEnd } from '../../peer/api/download-to-end.ts'
import type { HttpPeer } from '../../peer/api/http-peer.ts'
import { checkFile, type Original } from '../system/check-file.ts'
import type { Load } from './result.ts'
import { runClients } from './run-clients.ts'

export interface DownloadedFiles {
  readonly load: Load
  /**
   * Verifies the files; runs after the measurement, outside of it. @throws AppError HASH_MISMATCH
   */
  readonly check: () => Promise<void>
}

/** Downloads `files` with one client per API, each doing one download after another. */
export async function downloadFiles(
  apis: readonly HttpPeer[],
  files: readonly Original[],
): Promise<DownloadedFiles> {
  const paths = new Map<Original, string>()
  const fetch = async (file: Original, client: number): Promise<number> => {
    const { path, bytes } = await downloadToEnd(apis[client] as HttpPeer, { name: file.name })
    paths.set(file, path)
    return bytes
  }
  const load = await runClients(apis.length, files, fetch, { clock: systemClock })
  const check = async (): Promise<void> => {
    for (const [file, path] of paths) await checkFile(file, path)
  }
  return { load, check }
}
