import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { isAbort, sentenceOf } from '../api/problem.ts'
import { partsOf } from '../format/names.ts'
import { Dialog } from '../parts/dialog.tsx'
import { ErrorState, LoadingState, Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { ContentSection } from './content-section.tsx'
import { type FileDetails, loadDetails } from './file-details.ts'
import { VersionList } from './version-list.tsx'

/** Everything about one name: its contents, who has them, and what can be done with them. */
export function FileDrawer({ name }: { readonly name: string }): JSX.Element {
  const { client, live, route, go } = usePage()
  const details = useSignal<FileDetails | undefined>(undefined)
  const failure = useSignal('')
  const version = live.filesVersion.value
  useEffect(() => {
    const leaving = new AbortController()
    loadDetails(client, name, leaving.signal).then(
      (loaded) => {
        details.value = loaded
        failure.value = ''
      },
      (error: unknown) => {
        if (!isAbort(error) && !leaving.signal.aborted) failure.value = sentenceOf(error)
      },
    )
    return () => leaving.abort()
  }, [client, name, version, details, failure])
  const close = (): void => {
    const { view, path, query } = route.value
    const { open: _open, ...rest } = query
    go({ view, path, query: rest })
  }
  const { folder, file } = partsOf(name)
  const title = (
    <>
      {folder !== '' && <span class="title-folder">{folder}</span>}
      {file}
    </>
  )
  return (
    <Dialog kind="drawer" title={title} onClose={close}>
      {failure.value !== '' && details.value === undefined && (
        <ErrorState sentence={failure.value} />
      )}
      {failure.value === '' && details.value === undefined && <LoadingState />}
      {details.value?.problems.map(({ path, reason, remedy }) => (
        <Notice key={path} tone="warn">
          Not shared by this peer: {reason}. {remedy}
        </Notice>
      ))}
      {details.value?.contents.map((content, index) => (
        <ContentSection
          key={content.sha256}
          name={name}
          content={content}
          onRemoved={close}
          label={
            (details.value?.contents.length ?? 0) > 1
              ? `Content ${index + 1} of ${details.value?.contents.length ?? 0}`
              : undefined
          }
        />
      ))}
      {details.value !== undefined && details.value.versions.length > 1 && (
        <VersionList name={name} version={version} />
      )}
    </Dialog>
  )
}
