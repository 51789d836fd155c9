import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { sentenceOf } from '../api/problem.ts'
import { shownText } from '../format/shown-text.ts'
import { bytesText, shortHash } from '../format/units.ts'
import { EmptyState, ErrorState, LoadingState } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { formatRoute } from '../shell/route.ts'
import { type MeshColumn, MeshSection } from './mesh-section.tsx'
import { type TrackedFile, trackedFiles } from './read-tracked-files.ts'

const columns: readonly MeshColumn[] = [
  { label: 'File' },
  { label: 'Size', isSecondary: true },
  { label: 'SHA-256', isSecondary: true },
  { label: 'Peers' },
]

/** Some files that this peer knows of, and where they are. */
export function TrackedFiles(): JSX.Element {
  const { byItself, clock, live } = usePage()
  const files = useSignal<readonly TrackedFile[] | undefined>(undefined)
  const failure = useSignal('')
  const attempt = useSignal(0)
  const { value: version } = live.filesVersion
  const { value: attempts } = attempt
  useEffect(() => {
    const leaving = new AbortController()
    const read = (): void => {
      trackedFiles(byItself, leaving.signal).then(
        (read) => {
          files.value = read
          failure.value = ''
        },
        (error: unknown) => {
          if (!leaving.signal.aborted) failure.value = sentenceOf(error)
        },
      )
    }
    // Many changes in a row are read once.
    const cancel = clock.after(files.peek() === undefined ? 0 : settleMs, read)
    return () => {
      cancel()
      leaving.abort()
    }
  }, [byItself, clock, version, attempts, files, failure])
  const { value: known } = files
  return (
    <MeshSection
      title="Tracked files"
      columns={columns}
      isEmpty={known === undefined || known.length === 0}
      more={{ href: formatRoute({ view: 'files' }), label: 'All files' }}
    >
      {known === undefined && failure.value === '' && <LoadingState lines={3} />}
      {known === undefined && failure.value !== '' && (
        <ErrorState
          sentence={failure.value}
          onRetry={() => {
            attempt.value += 1
          }}
        />
      )}
      {known?.length === 0 && (
        <EmptyState icon="files" title="No files yet">
          Files that any member shares appear here within seconds.
        </EmptyState>
      )}
      {known?.map((file) => (
        <FileRow key={`${file.name} ${file.sha256}`} file={file} />
      ))}
    </MeshSection>
  )
}

/** Pause before the files are read again, after a change. */
const settleMs = 1_000

function FileRow({ file }: { readonly file: TrackedFile }): JSX.Element {
  const { name, size, sha256, holders } = file
  return (
    <tr>
      <th scope="row">
        <a href={formatRoute({ view: 'files', query: { open: name } })}>{shownText(name)}</a>
      </th>
      <td class="number secondary">{bytesText(size)}</td>
      <td class="secondary">
        <code class="faint" title={sha256}>
          {shortHash(sha256)}
        </code>
      </td>
      <td>
        <span class="mesh-holders">
          {holders.map(({ peerId, isSuspect }) => (
            <span key={peerId} class={`badge ${isSuspect ? 'warn' : 'ok'}`}>
              {peerId}
            </span>
          ))}
          {holders.length === 0 && <span class="faint">no live peer</span>}
        </span>
      </td>
    </tr>
  )
}
