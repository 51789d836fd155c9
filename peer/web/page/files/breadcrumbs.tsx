import type { JSX } from 'preact'
import { crumbsOf } from '../format/names.ts'
import { shownText } from '../format/shown-text.ts'
import { Icon } from '../parts/icon.tsx'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'

interface BreadcrumbsProps {
  readonly folder: string
  readonly query: string
}

/** The way to the folder; a search is over all files, wherever it started. */
export function Breadcrumbs({ folder, query }: BreadcrumbsProps): JSX.Element {
  const crumbs = crumbsOf(folder)
  if (query !== '')
    return (
      <p class="crumbs">
        <span>
          All files with <strong>{query}</strong> in their names
        </span>
        <a href={formatRoute({ view: 'files', path: folder })}>
          Back to {crumbs.at(-1)?.label ?? 'all files'}
        </a>
      </p>
    )
  return (
    <nav class="crumbs" aria-label="Folder">
      <ol>
        <li>
          {folder === '' ? (
            <strong>All files</strong>
          ) : (
            <a href={formatRoute({ view: 'files' })}>All files</a>
          )}
        </li>
        {crumbs.map(({ label, path }) => (
          <li key={path}>
            <Icon name="right" small />
            {path === folder ? (
              <strong aria-current="location">{shownText(label)}</strong>
            ) : (
              <a href={formatRoute({ view: 'files', path })}>{shownText(label)}</a>
            )}
          </li>
        ))}
      </ol>
      {folder !== '' && <DownloadFolder folder={folder} />}
    </nav>
  )
}

function DownloadFolder({ folder }: { readonly folder: string }): JSX.Element {
  const { client, live, act, showsDownloads } = usePage()
  const start = async (): Promise<void> => {
    await live.noteDownload(client.call('startDownload', { name: `${folder}/`, pattern: true }))
    showsDownloads.value = true
  }
  return (
    <button type="button" class="button quiet" onClick={() => act(start)}>
      <Icon name="download" small />
      Download this folder
    </button>
  )
}
