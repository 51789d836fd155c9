import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import type { CallReply } from '../../../api/calls.ts'
import { shownText } from '../format/shown-text.ts'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { PagedList } from '../parts/paged-list.ts'
import { ShowMore } from '../parts/show-more.tsx'
import { ErrorState, LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'

type Problem = CallReply<'problems'>['problems'][number]

const rowsPerPage = 100

/** Files in this peer's folders that are not shared, each with the reason and the remedy. */
export function ProblemList(): JSX.Element {
  const { client, clock, live, act } = usePage()
  const list = useMemo(() => new PagedList<Problem>({ clock }), [clock])
  const total = useSignal(0)
  const count = live.status.value?.peer.problems
  const version = live.filesVersion.value
  useEffect(() => {
    const load = list.load(async (after, signal) => {
      const found = await client.call('problems', { limit: rowsPerPage, after }, signal)
      total.value = found.total
      return { rows: found.problems, next: found.next }
    })
    load.catch(() => {})
  }, [list, client, total])
  useEffect(() => () => list.stop(), [list])
  useEffect(() => list.refresh(), [list, count, version])
  const isKnown = list.state.value === 'ready'
  return (
    <section class="stack" aria-labelledby="problems">
      <div class="toolbar">
        <h2 id="problems">Not shared</h2>
        {isKnown && total.value > 0 && (
          <span class="badge warn">
            {countText(total.value, 'file or folder', 'files and folders')}
          </span>
        )}
      </div>
      {list.state.value === 'failed' && (
        <ErrorState sentence={list.failure.value} onRetry={() => act(() => list.retry())} />
      )}
      {list.state.value === 'loading' && <LoadingState lines={2} />}
      {isKnown && total.value === 0 && (
        <p class="all-good">
          <Icon name="check" small />
          Every file in the folders of this peer is shared.
        </p>
      )}
      {isKnown && total.value > 0 && <Problems list={list} total={total.value} />}
    </section>
  )
}

interface ProblemsProps {
  readonly list: PagedList<Problem>
  readonly total: number
}

function Problems({ list, total }: ProblemsProps): JSX.Element {
  const problems = list.rows.value
  const unlisted = total - problems.length
  return (
    <div class="card problems">
      <ul>
        {problems.map(({ path, folder, name, reason, remedy }) => (
          <li key={`${folder} ${name}`}>
            <strong title={path}>
              <span class="faint">{folder}/</span>
              {shownText(name)}
            </strong>
            <p>It is not shared: {reason}.</p>
            <p class="soft">{remedy}</p>
          </li>
        ))}
      </ul>
      <ShowMore list={list} what="files" />
      {!list.hasMore.value && unlisted > 0 && (
        <p class="faint">and {countText(unlisted, 'more', 'more')}</p>
      )}
    </div>
  )
}
