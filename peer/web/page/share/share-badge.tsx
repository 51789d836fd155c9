import type { JSX } from 'preact'
import { usePage } from '../shell/page-context.ts'
import { sumOf } from './upload-text.ts'

/** In the navigation: files on their way, otherwise those that are not shared. */
export function ShareBadge(): JSX.Element | null {
  const { uploads, live } = usePage()
  const { unfinished, copying } = sumOf(uploads.uploads.value)
  const problems = live.status.value?.peer.problems ?? 0
  if (unfinished + copying > 0)
    return (
      <span class="badge accent">
        {unfinished + copying}
        <span class="hidden-text"> uploads</span>
      </span>
    )
  if (problems === 0) return null
  return (
    <span class="badge warn">
      {problems}
      <span class="hidden-text"> not shared</span>
    </span>
  )
}
