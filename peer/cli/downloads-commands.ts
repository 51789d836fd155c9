import { AppError } from '../../common/errors.ts'
import type { Download } from '../api/shapes.ts'
import { printableJson } from './printable.ts'
import { downloadsText } from './reports.ts'
import type { Session } from './session.ts'

/** Lists the downloads of the peer. */
export async function downloads({ api, terminal, signal, json }: Session): Promise<void> {
  const all = await api.downloads(signal)
  await terminal.print(
    json
      ? printableJson(all, 2)
      : downloadsText(all, (format, text) => terminal.style(format, text)),
  )
}

export async function pause(session: Session, which: string): Promise<void> {
  const { id } = await downloadCalled(session, which)
  await answer(session, await session.api.pauseDownload({ id }, session.signal))
}

export async function resume(session: Session, which: string): Promise<void> {
  const { id } = await downloadCalled(session, which)
  await answer(session, await session.api.resumeDownload({ id }, session.signal))
}

export async function cancel(session: Session, which: string): Promise<void> {
  const { api, signal } = session
  const { id } = await downloadCalled(session, which)
  await api.cancelDownload({ id }, signal)
  await answer(session, await api.download({ id, waitMs: 0 }, signal))
}

async function answer({ terminal, json }: Session, download: Download): Promise<void> {
  await terminal.print(
    json
      ? printableJson(download, 2)
      : downloadsText([download], (format, text) => terminal.style(format, text)),
  )
}

/** The download with this id or, of those with this name, the last one. @throws AppError DOWNLOAD_NOT_FOUND */
async function downloadCalled({ api, signal }: Session, which: string): Promise<Download> {
  const all = await api.downloads(signal)
  const found = all.find(({ id }) => id === which) ?? all.findLast(({ name }) => name === which)
  if (found === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id: which })
  return found
}
