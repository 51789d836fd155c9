import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import { countText } from '../format/units.ts'
import { PagedList } from '../parts/paged-list.ts'
import { usePage } from '../shell/page-context.ts'
import { FileDrawer } from './file-drawer.tsx'
import { type FileRow, searchPages } from './file-rows.ts'
import { FileTable } from './file-table.tsx'
import { SearchField } from './search-field.tsx'

/** Finds files by name, over all peers. */
export function FilesView(): JSX.Element {
  const { client, clock, live, route, go } = usePage()
  const { query, path } = route.value
  const { q = '', open } = query
  const list = useMemo(() => new PagedList<FileRow>({ clock }), [clock])
  useEffect(() => {
    list.load(searchPages(client, q)).catch(() => {})
  }, [list, client, q])
  useEffect(() => () => list.stop(), [list])
  const version = live.filesVersion.value
  const isFirst = useRef(true)
  useEffect(() => {
    if (!isFirst.current) list.refresh()
    isFirst.current = false
  }, [list, version])
  const count = list.rows.value.length
  return (
    <div class="view" id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Files</h1>
        <div class="grow">
          <SearchField
            value={q}
            onChange={(text) => go({ view: 'files', path, query: { q: text } })}
          />
        </div>
        <span class="soft" role="status">
          {list.state.value === 'ready' &&
            `${countText(count, 'file')}${list.hasMore.value ? ' and more' : ''}`}
        </span>
      </div>
      <FileTable list={list} query={q} openName={open} />
      {open !== undefined && <FileDrawer key={open} name={open} />}
    </div>
  )
}
