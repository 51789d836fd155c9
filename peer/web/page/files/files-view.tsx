import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { PagedList } from '../parts/paged-list.ts'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'
import { Breadcrumbs } from './breadcrumbs.tsx'
import { FileDrawer } from './file-drawer.tsx'
import { folderPages, type Row, searchPages } from './file-rows.ts'
import { FileTable } from './file-table.tsx'
import { SearchField } from './search-field.tsx'
import { TrashTable } from './trash-table.tsx'

/** Finds files by name over the whole index, or browses its folders; and shows the trash. */
export function FilesView(): JSX.Element {
  const { route, go } = usePage()
  const { query, path } = route.value
  const { q = '', open, show } = query
  const isTrash = show === 'trash'
  return (
    <div class="view" id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Files</h1>
        <div class="grow">
          <SearchField
            value={q}
            label={isTrash ? 'Search deleted files' : 'Search all files, or *.jpg, photos/**'}
            onChange={(text) => {
              const keep = isTrash ? { show: 'trash' } : {}
              // The way back leads out of the search, not letter by letter.
              const replaces = q !== '' && text !== ''
              go({ view: 'files', path, query: { ...keep, q: text } }, { replaces })
            }}
          />
        </div>
        <a
          class={isTrash ? 'button pressed' : 'button quiet'}
          href={formatRoute({ view: 'files', query: isTrash ? {} : { show: 'trash' } })}
          aria-current={isTrash}
        >
          <Icon name="trash" small />
          Trash
        </a>
      </div>
      {isTrash ? <TrashTable query={q} /> : <FoundFiles query={q} folder={path} openName={open} />}
      {open !== undefined && <FileDrawer key={open} name={open} />}
    </div>
  )
}

interface FoundFilesProps {
  readonly query: string
  readonly folder: string
  readonly openName: string | undefined
}

function FoundFiles({ query, folder, openName }: FoundFilesProps): JSX.Element {
  const { client, byItself, clock, live } = usePage()
  const list = useMemo(() => new PagedList<Row>({ clock }), [clock])
  useEffect(() => {
    const askers = { client, byItself }
    const fetch = query === '' ? folderPages(askers, folder) : searchPages(askers, query)
    list.load(fetch).catch(() => {})
  }, [list, client, byItself, query, folder])
  useEffect(() => () => list.stop(), [list])
  useRefresh(list, live.filesVersion.value)
  const rows = list.rows.value
  const folders = rows.filter(({ type }) => type === 'folder').length
  const counts = [
    ...(folders > 0 ? [countText(folders, 'folder')] : []),
    ...(rows.length > folders || folders === 0 ? [countText(rows.length - folders, 'file')] : []),
    ...(list.hasMore.value ? ['more below'] : []),
  ]
  return (
    <>
      <div class="toolbar under">
        <Breadcrumbs folder={folder} query={query} />
        <span class="soft count" role="status">
          {list.state.value === 'ready' && counts.join(' · ')}
        </span>
      </div>
      {list.state.value === 'ready' && list.failure.value !== '' && (
        <Notice tone="bad">The list may be out of date or incomplete: {list.failure.value}</Notice>
      )}
      <FileTable list={list} query={query} folder={folder} openName={openName} />
    </>
  )
}

/** Asks again when files changed anywhere, but not when the list was just made. */
function useRefresh(list: PagedList<Row>, version: number): void {
  const seen = useRef(version)
  useEffect(() => {
    if (seen.current !== version) list.refresh()
    seen.current = version
  }, [list, version])
}
