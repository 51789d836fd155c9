import type { JSX } from 'preact'
import { shownText } from '../format/shown-text.ts'
import { countText } from '../format/units.ts'
import { Dialog } from '../parts/dialog.tsx'
import { usePage } from '../shell/page-context.ts'
import type { Resolution, Upload } from './upload-queue.ts'

const namesShown = 5
const choices: readonly { readonly label: string; readonly resolution: Resolution }[] = [
  { label: 'Skip', resolution: 'skip' },
  { label: 'Keep both', resolution: 'keep both' },
  { label: 'Replace', resolution: 'replace' },
]

/** Asks once what to do with names that other files have. */
export function ConflictDialog({
  existing,
}: {
  readonly existing: readonly Upload[]
}): JSX.Element {
  const { uploads } = usePage()
  const foot = choices.map(({ label, resolution }) => (
    <button
      key={resolution}
      type="button"
      class={resolution === 'replace' ? 'button danger' : 'button'}
      onClick={() => uploads.resolve(resolution)}
    >
      {label}
    </button>
  ))
  return (
    <Dialog
      kind="box"
      title={`${countText(existing.length, 'name')} ${existing.length === 1 ? 'exists' : 'exist'} already`}
      onClose={() => uploads.resolve('skip')}
      foot={foot}
    >
      <p>
        Other files have these names in <code>shared/</code>. Your choice applies to this whole
        selection. A replaced file is kept as an earlier version for a while.
      </p>
      <ul class="names">
        {existing.slice(0, namesShown).map(({ id, name }) => (
          <li key={id}>{shownText(name)}</li>
        ))}
        {existing.length > namesShown && (
          <li class="faint">and {existing.length - namesShown} more</li>
        )}
      </ul>
    </Dialog>
  )
}
