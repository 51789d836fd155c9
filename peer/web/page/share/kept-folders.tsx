import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { countText } from '../format/units.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'

/** Folders whose files vanished in a way that looks like a fault: deleted only if the user says so. */
export function KeptFolders(): JSX.Element | null {
  const { live, client, act } = usePage()
  const isAsking = useSignal(false)
  const kept = live.status.value?.peer.keptFolders ?? []
  if (kept.length === 0) return null
  const files = kept.reduce((sum, folder) => sum + folder.files, 0)
  const ask = (
    <button
      type="button"
      class="button"
      onClick={() => {
        isAsking.value = true
      }}
    >
      They were deleted on purpose
    </button>
  )
  return (
    <>
      <Notice tone="warn" action={ask}>
        {kept.map(({ folder, reason, files: count }) => (
          <p key={folder}>
            <strong>{folder}</strong> {reason}: {countText(count, 'file')} missing.
          </p>
        ))}
        <p>
          Nothing has been deleted: other peers keep the copies. Restore the folder, or confirm that
          the files were deleted.
        </p>
      </Notice>
      {isAsking.value && (
        <Confirm
          title={`Move ${countText(files, 'file')} to the trash?`}
          verb="Move to the trash"
          isDanger
          onConfirm={() =>
            act(
              async () => {
                await client.call('confirmDeletes')
                live.retry()
              },
              `${countText(files, 'file')} moved to the trash.`,
            )
          }
          onClose={() => {
            isAsking.value = false
          }}
        >
          <p>They can be restored for as long as the trash keeps them.</p>
        </Confirm>
      )}
    </>
  )
}
