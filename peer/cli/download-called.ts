import { AppError } from '../../common/errors.ts'
import type { Download } from '../api/download-shapes.ts'
import { allDownloads } from '../api/pages.ts'
import type { Session } from './session.ts'

/** The download with this id, or the newest with this name. @throws AppError DOWNLOAD_NOT_FOUND */
export async function downloadCalled(
  { api, signal }: Session,
  which: string,
): Promise<Pick<Download, 'id'>> {
  const all = await allDownloads(api, signal)
  const found = all.find(({ id }) => id === which) ?? all.findLast(({ name }) => name === which)
  if (found === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id: which })
  return found
}
