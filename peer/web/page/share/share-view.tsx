import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { usePage } from '../shell/page-context.ts'
import { ConflictDialog } from './conflict-dialog.tsx'
import { DropZone } from './drop-zone.tsx'
import { KeptFolders } from './kept-folders.tsx'
import { ProblemList } from './problem-list.tsx'
import { UploadList } from './upload-list.tsx'
import { sumOf } from './upload-text.ts'

/** Adds files to the cluster, and shows those of this peer that are not shared. */
export function ShareView(): JSX.Element {
  const { uploads } = usePage()
  const list = uploads.uploads.value
  const { unfinished, copying, done } = sumOf(list)
  return (
    <div class="view scrolls" id="view" tabIndex={-1}>
      <div class="toolbar">
        <h1>Share</h1>
      </div>
      <DropZone />
      {list.length > 0 && (
        <section class="stack" aria-labelledby="uploads">
          <div class="toolbar">
            <h2 id="uploads">Uploads</h2>
            <span class="soft grow" role="status">
              {[
                ...(unfinished > 0 ? [`${countText(unfinished, 'file')} to send`] : []),
                ...(copying > 0 ? [`${countText(copying, 'file')} being copied`] : []),
                ...(done > 0 ? [`${countText(done, 'file')} done`] : []),
              ].join(' · ')}
            </span>
            {unfinished > 0 && (
              <button type="button" class="button" onClick={() => uploads.cancelAll()}>
                Cancel all
              </button>
            )}
            {list.length > unfinished + copying && (
              <button type="button" class="button" onClick={() => uploads.clear()}>
                <Icon name="check" small />
                Clear finished
              </button>
            )}
          </div>
          <UploadList uploads={list} />
        </section>
      )}
      <KeptFolders />
      <ProblemList />
    </div>
  )
}

/** What belongs to uploads in every view: the question about names, and looking for copies. */
export function UploadsInBackground(): JSX.Element | null {
  const { uploads, live, nowMs } = usePage()
  const isCopying = uploads.uploads.value.some(({ state }) => state === 'copying')
  const version = live.filesVersion.value
  const now = isCopying ? nowMs.value : 0
  useEffect(() => {
    if (isCopying) uploads.look().catch(() => {})
  }, [uploads, isCopying, version, now])
  useEffect(() => {
    const warn = (event: BeforeUnloadEvent): void => {
      if (uploads.isUnfinished) event.preventDefault()
    }
    window.addEventListener('beforeunload', warn)
    return () => window.removeEventListener('beforeunload', warn)
  }, [uploads])
  const existing = uploads.uploads.value.filter(({ state }) => state === 'exists')
  if (existing.length === 0) return null
  return <ConflictDialog existing={existing} />
}
