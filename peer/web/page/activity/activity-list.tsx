import type { ComponentChildren, JSX } from 'preact'
import type { PagedList } from '../parts/paged-list.ts'
import { ErrorState, LoadingState } from '../parts/states.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'

interface ActivityListProps<Row> {
  readonly list: PagedList<Row>
  readonly label: string
  readonly layout: string
  readonly columns: readonly Column[]
  readonly keyOf: (row: Row) => string
  readonly cells: (row: Row) => readonly ComponentChildren[]
  readonly onOpen?: (row: Row) => void
  /** Shown when there are no rows. */
  readonly empty: JSX.Element
}

/** Rows in the order of time, newest first; earlier ones are loaded while scrolling. */
export function ActivityList<Row>({ list, empty, ...shown }: ActivityListProps<Row>): JSX.Element {
  const { act } = usePage()
  const rows = list.rows.value
  const state = list.state.value
  if (state !== 'ready' || rows.length === 0)
    return (
      <div class="card fills">
        {state === 'failed' && (
          <ErrorState sentence={list.failure.value} onRetry={() => act(() => list.retry())} />
        )}
        {state === 'loading' && <LoadingState lines={10} />}
        {state === 'ready' && empty}
      </div>
    )
  return (
    <VirtualList
      {...shown}
      rows={rows}
      onNearEnd={() => {
        list.loadMore().catch(() => {})
      }}
    />
  )
}
