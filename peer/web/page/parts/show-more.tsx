import type { JSX } from 'preact'
import type { PagedList } from './paged-list.ts'

interface ShowMoreProps {
  readonly list: Pick<PagedList<unknown>, 'hasMore' | 'loadMore'>
  /** What the list contains, in the plural. */
  readonly what: string
}

/** A button below a short list, which appends its next page. */
export function ShowMore({ list, what }: ShowMoreProps): JSX.Element | null {
  if (!list.hasMore.value) return null
  return (
    <button
      type="button"
      class="button quiet"
      onClick={() => {
        list.loadMore().catch(() => {})
      }}
    >
      Show more {what}
    </button>
  )
}
