import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { bytesText, dateText, shortHash } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { PagedList } from '../parts/paged-list.ts'
import { ShowMore } from '../parts/show-more.tsx'
import { usePage } from '../shell/page-context.ts'
import type { Version } from './file-details.ts'

interface VersionListProps {
  readonly name: string
  /** Changes when the versions may have changed. */
  readonly version: number
}

const rowsPerPage = 50

/** The contents that the name has and had, each of which can be downloaded. */
export function VersionList({ name, version }: VersionListProps): JSX.Element {
  const { client, live, act, clock } = usePage()
  const list = useMemo(() => new PagedList<Version>({ clock }), [clock])
  useEffect(() => {
    const load = list.load(async (after, signal) => {
      const request = { name, limit: rowsPerPage, after }
      const { versions, next } = await client.call('versions', request, signal)
      return { rows: versions, next }
    })
    load.catch(() => {})
  }, [list, client, name])
  useEffect(() => () => list.stop(), [list])
  useEffect(() => list.refresh(), [list, version])
  const fetch = async (sha256: string): Promise<void> =>
    live.noteDownload(client.call('startDownload', { name, sha256 }))
  return (
    <section class="content">
      <h3>Versions</h3>
      <ul class="versions">
        {list.rows.value.map(({ owner, sha256, size, modifiedMs, state, copies, keptUntilMs }) => (
          <li key={`${owner} ${sha256}`}>
            <div>
              <p>
                {dateText(modifiedMs, clock.nowMs())} · {owner}{' '}
                <span class={`badge ${state === 'current' ? 'accent' : ''}`}>{state}</span>
              </p>
              <p class="faint">
                {bytesText(size)} · <code>{shortHash(sha256)}</code> · {copies} live
                {keptUntilMs !== undefined &&
                  ` · kept until ${dateText(keptUntilMs, clock.nowMs())}`}
              </p>
            </div>
            <button
              type="button"
              class="button quiet square"
              aria-label={`Download the version of ${owner}, ${dateText(modifiedMs, clock.nowMs())}`}
              title="Download this version"
              onClick={() => act(() => fetch(sha256))}
            >
              <Icon name="download" small />
            </button>
          </li>
        ))}
      </ul>
      <ShowMore list={list} what="versions" />
    </section>
  )
}
