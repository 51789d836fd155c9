import type { JSX } from 'preact'
import type { Download } from '../live/live-types.ts'
import { Dialog } from '../parts/dialog.tsx'
import { EmptyState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { DownloadCard } from './download-card.tsx'
import { isActive } from './download-text.ts'

/** All downloads of this peer: active ones first, then the newest. */
export function DownloadsDrawer(): JSX.Element {
  const { live, showsDownloads } = usePage()
  const downloads = [...live.downloads.value.values()].toReversed()
  const rank = (download: Download): number =>
    isActive(download) ? 0 : download.state === 'paused' ? 1 : 2
  const sorted = downloads.toSorted((a, b) => rank(a) - rank(b))
  const close = (): void => {
    showsDownloads.value = false
  }
  return (
    <Dialog kind="drawer" title="Downloads to this peer" onClose={close}>
      {sorted.length === 0 ? (
        <EmptyState icon="download" title="No downloads">
          Open a file and choose “Download to this peer”.
        </EmptyState>
      ) : (
        <ul class="stack">
          {sorted.map((download) => (
            <li key={download.id}>
              <DownloadCard download={download} />
            </li>
          ))}
        </ul>
      )}
    </Dialog>
  )
}
