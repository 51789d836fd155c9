import type { JSX } from 'preact'
import { bytesText, dateText, shortHash } from '../format/units.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import type { PagedList } from '../parts/paged-list.ts'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { CopiesBadge } from './copies-badge.tsx'
import { FileName } from './file-name.tsx'
import { type FileRow, keyOf, type Row } from './file-rows.ts'

const columns: readonly Column[] = [
  { name: 'name', label: 'Name' },
  { name: 'size', label: 'Size', isNumber: true },
  { name: 'modified', label: 'Modified' },
  { name: 'copies', label: 'Copies' },
  { name: 'hash', label: 'SHA-256' },
]

interface FileTableProps {
  readonly list: PagedList<Row>
  readonly query: string
  readonly folder: string
  readonly openName: string | undefined
}

export function FileTable({ list, query, folder, openName }: FileTableProps): JSX.Element {
  const { route, go, clock } = usePage()
  const rows = list.rows.value
  if (rows.length === 0 || list.state.value !== 'ready')
    return (
      <div class="card fills">
        <InsteadOfRows list={list} query={query} folder={folder} />
      </div>
    )
  const isSearch = query !== ''
  const open = ({ type, name }: Row): void => {
    if (type === 'folder') return go({ view: 'files', path: name })
    go({ view: 'files', path: folder, query: { ...route.value.query, open: name } })
  }
  const openRow = rows.find(({ type, name }) => type === 'file' && name === openName)
  return (
    <VirtualList
      key={`${folder} ${query}`}
      label="Files"
      layout="files-list"
      columns={columns}
      rows={rows}
      keyOf={keyOf}
      openKey={openRow === undefined ? undefined : keyOf(openRow)}
      cells={(row) => [
        <FileName key="name" row={row} query={query} folder={isSearch ? '' : folder} />,
        ...(row.type === 'folder' ? [] : cellsOf(row, clock.nowMs())),
      ]}
      onOpen={open}
      onNearEnd={() => {
        list.loadMore().catch(() => {})
      }}
    />
  )
}

/** The cells behind the name. */
function cellsOf(row: FileRow, nowMs: number): JSX.Element[] {
  const { name, size, sha256, copies, modifiedMs } = row
  return [
    <span key="size">{bytesText(size)}</span>,
    <span key="modified">{modifiedMs === undefined ? '' : dateText(modifiedMs, nowMs)}</span>,
    <CopiesBadge key="copies" copies={copies} />,
    <span key="hash" class="with-copy">
      <code class="faint" title={sha256}>
        {shortHash(sha256)}
      </code>
      <CopyButton text={sha256} what={`the SHA-256 of ${name}`} />
    </span>,
  ]
}

function InsteadOfRows({ list, query, folder }: Omit<FileTableProps, 'openName'>): JSX.Element {
  const { act } = usePage()
  if (list.state.value === 'failed')
    return <ErrorState sentence={list.failure.value} onRetry={() => act(() => list.retry())} />
  if (list.state.value === 'loading') return <LoadingState lines={12} />
  if (query !== '')
    return (
      <EmptyState icon="search" title="No file matches">
        No name contains “{query}”. Patterns match whole names: <code>*.jpg</code> finds those at
        the top, <code>**/*.jpg</code> all.
      </EmptyState>
    )
  if (folder !== '')
    return (
      <EmptyState icon="files" title="This folder is empty">
        No peer has a file in {folder}/ now. Drop files here to share them in it.
      </EmptyState>
    )
  return (
    <EmptyState icon="files" title="No files yet">
      Drop files here, or put them into the folder <code>shared/</code> of any peer: they appear
      within seconds, and get a second copy on another peer.
    </EmptyState>
  )
}
