import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { CallReply } from '../../../api/calls.ts'
import { sentenceOf } from '../api/problem.ts'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { ErrorState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'

/** Files in this peer's folders that are not shared, each with the reason and the remedy. */
export function ProblemList(): JSX.Element {
  const { client, live } = usePage()
  const found = useSignal<CallReply<'problems'> | undefined>(undefined)
  const failure = useSignal('')
  const count = live.status.value?.peer.problems
  const version = live.filesVersion.value
  useEffect(() => {
    const leaving = new AbortController()
    client.call('problems', undefined, leaving.signal).then(
      (problems) => {
        found.value = problems
        failure.value = ''
      },
      (error: unknown) => {
        if (!leaving.signal.aborted) failure.value = sentenceOf(error)
      },
    )
    return () => leaving.abort()
  }, [client, count, version, found, failure])
  const problems = found.value
  return (
    <section class="stack" aria-labelledby="problems">
      <div class="toolbar">
        <h2 id="problems">Not shared</h2>
        {problems !== undefined && problems.total > 0 && (
          <span class="badge warn">
            {countText(problems.total, 'file or folder', 'files and folders')}
          </span>
        )}
      </div>
      {problems === undefined && failure.value !== '' && <ErrorState sentence={failure.value} />}
      {problems !== undefined && problems.total === 0 && (
        <p class="all-good">
          <Icon name="check" small />
          Every file in the folders of this peer is shared.
        </p>
      )}
      {problems !== undefined && problems.total > 0 && <Problems {...problems} />}
    </section>
  )
}

function Problems({ total, problems }: CallReply<'problems'>): JSX.Element {
  return (
    <div class="card problems">
      <ul>
        {problems.map(({ path, folder, name, reason, remedy }) => (
          <li key={`${folder} ${name}`}>
            <strong title={path}>
              <span class="faint">{folder}/</span>
              {name}
            </strong>
            <p>It is not shared: {reason}.</p>
            <p class="soft">{remedy}</p>
          </li>
        ))}
      </ul>
      {total > problems.length && (
        <p class="faint">and {countText(total - problems.length, 'more', 'more')}</p>
      )}
    </div>
  )
}
