import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { CallReply } from '../../../api/calls.ts'
import { bytesText, countText, dateText, durationText } from '../format/units.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { PagedList } from '../parts/paged-list.ts'
import { PathText } from '../parts/path-text.tsx'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'

type Trashed = CallReply<'trash'>['files'][number]

const columns: readonly Column[] = [
  { name: 'name', label: 'Name' },
  { name: 'size', label: 'Size', isNumber: true },
  { name: 'owner', label: 'Deleted by' },
  { name: 'deleted', label: 'Deleted' },
  { name: 'kept', label: 'Kept for' },
  { name: 'action', label: 'Actions', hidesLabel: true },
]
const rowsPerPage = 200

/** Deleted files that can be restored. */
export function TrashTable({ query }: { readonly query: string }): JSX.Element {
  const { client, clock, live, act } = usePage()
  const list = useMemo(() => new PagedList<Trashed>({ clock }), [clock])
  useEffect(() => {
    const load = list.load(async (after, signal) => {
      const request = { q: query, limit: rowsPerPage, after }
      const { files, next } = await client.call('trash', request, signal)
      return { rows: files, next }
    })
    load.catch(() => {})
  }, [list, client, query])
  useEffect(() => () => list.stop(), [list])
  const version = live.filesVersion.value
  useEffect(() => list.refresh(), [list, version])
  const rows = list.rows.value
  if (list.state.value !== 'ready' || rows.length === 0)
    return (
      <div class="card fills">
        {list.state.value === 'failed' && (
          <ErrorState sentence={list.failure.value} onRetry={() => act(() => list.retry())} />
        )}
        {list.state.value === 'loading' && <LoadingState lines={8} />}
        {list.state.value === 'ready' && (
          <EmptyState
            icon="trash"
            title={query === '' ? 'The trash is empty' : 'No deleted file matches'}
          >
            Files that are deleted from the folder <code>shared/</code> of a peer stay here for a
            while, with their copies.
          </EmptyState>
        )}
      </div>
    )
  return (
    <>
      <div class="toolbar under">
        <span class="soft grow" role="status">
          {countText(rows.length, 'deleted file')}
          {list.hasMore.value && ' and more'}
        </span>
        <EmptyTrash onEmptied={() => list.refresh()} />
      </div>
      <VirtualList
        label="Deleted files"
        layout="trash-list"
        columns={columns}
        rows={rows}
        keyOf={({ owner, name }) => `${owner} ${name}`}
        cells={(file) => cellsOf(file, clock.nowMs(), () => list.refresh())}
        onNearEnd={() => {
          list.loadMore().catch(() => {})
        }}
      />
    </>
  )
}

function cellsOf(file: Trashed, nowMs: number, onRestored: () => void): JSX.Element[] {
  const { name, size, owner, deletedMs, keptUntilMs } = file
  return [
    <PathText key="name" name={name} />,
    <span key="size">{bytesText(size)}</span>,
    <span key="owner">{owner}</span>,
    <span key="deleted">{dateText(deletedMs, nowMs)}</span>,
    <span key="kept">{durationText(keptUntilMs - nowMs)}</span>,
    <Restore key="restore" file={file} onRestored={onRestored} />,
  ]
}

interface RestoreProps {
  readonly file: Trashed
  readonly onRestored: () => void
}

function Restore({ file, onRestored }: RestoreProps): JSX.Element {
  const { client, toasts, act } = usePage()
  const isBusy = useSignal(false)
  const restore = async (): Promise<void> => {
    isBusy.value = true
    try {
      const { name, owner } = file
      const { at, isDone } = await client.call('restore', { name, owner })
      toasts.say(isDone ? `${name} is back, shared by ${at}.` : `${at} is fetching ${name}.`)
      onRestored()
    } finally {
      isBusy.value = false
    }
  }
  return (
    <button
      type="button"
      class="button"
      disabled={isBusy.value}
      aria-label={`Restore ${file.name}`}
      onClick={() => act(restore)}
    >
      <Icon name="restore" small />
      Restore
    </button>
  )
}

function EmptyTrash({ onEmptied }: { readonly onEmptied: () => void }): JSX.Element {
  const { client, live, toasts, act } = usePage()
  const isAsking = useSignal(false)
  const empty = async (): Promise<void> => {
    const { removed, others } = await client.call('emptyTrash', {})
    const left = others > 0 ? ` ${countText(others, 'file')} of other peers stayed.` : ''
    toasts.say(`${countText(removed, 'file')} removed permanently.${left}`)
    onEmptied()
  }
  const peerId = live.peerId.value
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => {
          isAsking.value = true
        }}
      >
        Empty the trash of {peerId}
      </button>
      {isAsking.value && (
        <Confirm
          title="Remove these files permanently?"
          verb="Remove permanently"
          isDanger
          onConfirm={() => act(empty)}
          onClose={() => {
            isAsking.value = false
          }}
        >
          <p>
            All copies of the files that {peerId} deleted are dropped. They cannot be restored
            afterwards. Files that other peers deleted stay.
          </p>
        </Confirm>
      )}
    </>
  )
}
