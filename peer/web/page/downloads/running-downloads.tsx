import type { JSX } from 'preact'
import { countText, percentText, rateText } from '../format/units.ts'
import { Progress } from '../parts/progress.tsx'
import { usePage } from '../shell/page-context.ts'
import { totalsOf } from './download-text.ts'

/** The sum of the active downloads, visible in every view; opens their list. */
export function RunningDownloads(): JSX.Element | null {
  const { live, showsDownloads } = usePage()
  const downloads = [...live.downloads.value.values()]
  if (downloads.length === 0) return null
  const { count, bytes, size, bytesPerSecond } = totalsOf(downloads)
  const open = (): void => {
    showsDownloads.value = true
  }
  return (
    <button type="button" class="running" onClick={open} aria-haspopup="dialog">
      <span class="running-head">
        <span>{count === 0 ? 'Downloads' : countText(count, 'download')}</span>
        <span class="soft">{count === 0 ? downloads.length : percentText(bytes, size)}</span>
      </span>
      {count > 0 && <Progress part={bytes} whole={size} label="All downloads" />}
      {count > 0 && <span class="soft">{rateText(bytesPerSecond)}</span>}
    </button>
  )
}
