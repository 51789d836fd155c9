import type { JSX } from 'preact'
import { markMatches, partsOf } from '../format/names.ts'
import { bytesText, shortHash } from '../format/units.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Icon } from '../parts/icon.tsx'
import type { PagedList } from '../parts/paged-list.ts'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import { CopiesBadge } from './copies-badge.tsx'
import { type FileRow, keyOf } from './file-rows.ts'

const columns: readonly Column[] = [
  { name: 'name', label: 'Name' },
  { name: 'size', label: 'Size', isNumber: true },
  { name: 'copies', label: 'Copies' },
  { name: 'hash', label: 'SHA-256' },
]

interface FileTableProps {
  readonly list: PagedList<FileRow>
  readonly query: string
  readonly openName: string | undefined
}

export function FileTable({ list, query, openName }: FileTableProps): JSX.Element {
  const { route, go } = usePage()
  const { path, query: fields } = route.value
  const rows = list.rows.value
  const { state } = list
  if (state.value === 'failed')
    return (
      <div class="card fills">
        <ErrorState sentence={list.failure.value} onRetry={() => list.refresh()} />
      </div>
    )
  if (state.value === 'loading')
    return (
      <div class="card fills">
        <LoadingState lines={12} />
      </div>
    )
  if (rows.length === 0)
    return <div class="card fills">{query === '' ? <NoFiles /> : <NoMatches query={query} />}</div>
  const openKey = rows.find(({ name }) => name === openName)
  return (
    <VirtualList
      label="Files"
      layout="files-list"
      columns={columns}
      rows={rows}
      keyOf={keyOf}
      openKey={openKey === undefined ? undefined : keyOf(openKey)}
      cells={(row) => cellsOf(row, query)}
      onOpen={({ name }) => go({ view: 'files', path, query: { ...fields, open: name } })}
      onNearEnd={() => {
        list.loadMore().catch(() => {})
      }}
    />
  )
}

function cellsOf({ name, size, sha256, copies }: FileRow, query: string): JSX.Element[] {
  return [
    <FileName key="name" name={name} query={query} />,
    <span key="size">{bytesText(size)}</span>,
    <CopiesBadge key="copies" copies={copies} />,
    <span key="hash" class="with-copy">
      <code class="faint" title={sha256}>
        {shortHash(sha256)}
      </code>
      <CopyButton text={sha256} what={`the SHA-256 of ${name}`} />
    </span>,
  ]
}

function FileName({ name, query }: { readonly name: string; readonly query: string }): JSX.Element {
  const { folder } = partsOf(name)
  let at = 0
  return (
    <span class="file-name" title={name}>
      <Icon name="file" small />
      <span class="cut">
        {markMatches(name, query).flatMap(({ text, isMatch }) => {
          const start = at
          at += text.length
          // The folder is faint, also where a match spans its end.
          const cut = Math.max(0, Math.min(text.length, folder.length - start))
          return [
            { text: text.slice(0, cut), inFolder: true },
            { text: text.slice(cut), inFolder: false },
          ]
            .filter((part) => part.text !== '')
            .map((part) => {
              const key = `${start} ${String(part.inFolder)}`
              const tone = part.inFolder ? 'faint' : ''
              return isMatch ? (
                <mark key={key} class={tone}>
                  {part.text}
                </mark>
              ) : (
                <span key={key} class={tone}>
                  {part.text}
                </span>
              )
            })
        })}
      </span>
    </span>
  )
}

function NoFiles(): JSX.Element {
  return (
    <EmptyState icon="files" title="No files yet">
      Put files into the folder <code>shared/</code> of any peer: they appear here, with a second
      copy on another peer, within seconds.
    </EmptyState>
  )
}

function NoMatches({ query }: { readonly query: string }): JSX.Element {
  return (
    <EmptyState icon="search" title="No file matches">
      No name contains “{query}”. Patterns match whole names: <code>*.jpg</code> finds those at the
      top, <code>**/*.jpg</code> all.
    </EmptyState>
  )
}
