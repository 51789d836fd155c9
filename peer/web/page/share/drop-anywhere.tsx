import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { countText } from '../format/units.ts'
import { Icon } from '../parts/icon.tsx'
import { type Page, usePage } from '../shell/page-context.ts'
import { type DroppedEntry, entryOf, readDropped } from './chosen-files.ts'

/** Takes files dropped onto any view; while they hover, it says where they go. */
export function DropAnywhere(): JSX.Element | null {
  const page = usePage()
  const isOver = useSignal(false)
  useEffect(() => {
    const over = (event: DragEvent): void => {
      if (event.dataTransfer?.types.includes('Files') !== true) return
      event.preventDefault()
      isOver.value = true
    }
    const leave = (event: DragEvent): void => {
      if (event.relatedTarget === null) isOver.value = false
    }
    const drop = (event: DragEvent): void => {
      isOver.value = false
      if (event.dataTransfer?.types.includes('Files') !== true) return
      event.preventDefault()
      // The entries are gone when this handler returns.
      const entries = Array.from(event.dataTransfer.items, entryOf)
      take(
        entries.filter((entry) => entry !== null),
        page,
      ).catch(() => {})
    }
    document.addEventListener('dragover', over)
    document.addEventListener('dragleave', leave)
    document.addEventListener('drop', drop)
    return () => {
      document.removeEventListener('dragover', over)
      document.removeEventListener('dragleave', leave)
      document.removeEventListener('drop', drop)
    }
  }, [page, isOver])
  if (!isOver.value) return null
  return (
    <div class="drop-over">
      <div>
        <Icon name="share" />
        <h2>Drop to share{folderOf(page) === '' ? '' : ` in ${folderOf(page)}/`}</h2>
      </div>
    </div>
  )
}

/** The folder that is open in the files view, or the one that the share view names. */
function folderOf({ route, uploadFolder }: Page): string {
  const { view, path } = route.value
  return view === 'share' ? uploadFolder.value : path
}

async function take(entries: readonly DroppedEntry[], page: Page): Promise<void> {
  const { files, unreadable } = await readDropped(entries, folderOf(page))
  if (unreadable.length > 0)
    page.toasts.fail(
      `${countText(unreadable.length, 'file')} could not be read: ${unreadable.slice(0, 3).join(', ')}`,
    )
  if (files.length === 0) return
  page.uploads.add(files)
  if (page.route.value.view !== 'share') page.go({ view: 'share' })
}
