import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { isAbort, sentenceOf } from '../api/problem.ts'
import { partsOf } from '../format/names.ts'
import { shownText } from '../format/shown-text.ts'
import { Dialog } from '../parts/dialog.tsx'
import { ErrorState, LoadingState, Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { ContentSection } from './content-section.tsx'
import { type FileDetails, loadDetails } from './file-details.ts'
import { VersionList } from './version-list.tsx'

/** Everything about one name: its contents, who has them, and what can be done with them. */
export function FileDrawer({ name }: { readonly name: string }): JSX.Element {
  const { client, byItself, live, route, go } = usePage()
  const details = useSignal<FileDetails | undefined>(undefined)
  const failure = useSignal('')
  const attempt = useSignal(0)
  const version = live.filesVersion.value
  const { value: attempts } = attempt
  useEffect(() => {
    const leaving = new AbortController()
    const asker = details.value === undefined ? client : byItself
    loadDetails(asker, name, leaving.signal).then(
      (loaded) => {
        details.value = loaded
        failure.value = ''
      },
      (error: unknown) => {
        if (!isAbort(error) && !leaving.signal.aborted) failure.value = sentenceOf(error)
      },
    )
    return () => leaving.abort()
  }, [client, byItself, name, version, attempts, details, failure])
  const close = (): void => {
    const { view, path, query } = route.value
    const { open: _open, ...rest } = query
    go({ view, path, query: rest })
  }
  const { folder, file } = partsOf(name)
  const title = (
    <>
      {folder !== '' && <span class="title-folder">{shownText(folder)}</span>}
      {shownText(file)}
    </>
  )
  return (
    <Dialog kind="drawer" title={title} onClose={close}>
      {failure.value !== '' && details.value === undefined && (
        <ErrorState
          sentence={failure.value}
          onRetry={() => {
            failure.value = ''
            attempt.value += 1
          }}
        />
      )}
      {failure.value !== '' && details.value !== undefined && (
        <Notice tone="bad">This may be out of date: {failure.value}</Notice>
      )}
      {failure.value === '' && details.value === undefined && <LoadingState />}
      {details.value !== undefined && (
        <Details name={name} details={details.value} version={version} onRemoved={close} />
      )}
    </Dialog>
  )
}

interface DetailsProps {
  readonly name: string
  readonly details: FileDetails
  /** Of the files of the cluster: versions are asked for again when it changes. */
  readonly version: number
  readonly onRemoved: () => void
}

function Details({ name, details, version, onRemoved }: DetailsProps): JSX.Element {
  const { contents, versions, problems } = details
  return (
    <>
      {problems.map(({ path, reason, remedy }) => (
        <Notice key={path} tone="warn">
          Not shared by this peer: {reason}. {remedy}
        </Notice>
      ))}
      {contents.map((content, index) => (
        <ContentSection
          key={content.sha256}
          name={name}
          content={content}
          onRemoved={onRemoved}
          label={contents.length > 1 ? `Content ${index + 1} of ${contents.length}` : undefined}
        />
      ))}
      {versions.length > 1 && <VersionList name={name} version={version} />}
    </>
  )
}
