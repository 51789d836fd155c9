import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { shownText } from '../format/shown-text.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Icon } from '../parts/icon.tsx'
import { usePage } from '../shell/page-context.ts'

interface RemoveFileProps {
  readonly name: string
  /** The peer whose `shared/` has it. */
  readonly owner: string
  readonly onRemoved: () => void
}

/** Takes a file out of the cluster; its owner keeps it on disk. */
export function RemoveFile({ name, owner, onRemoved }: RemoveFileProps): JSX.Element {
  const { client, live, toasts, act } = usePage()
  const isAsking = useSignal(false)
  const isOwn = owner === live.peerId.value
  const remove = async (): Promise<void> => {
    await client.call('unshare', { name, owner, ...(isOwn ? {} : { force: true }) })
    toasts.say(`${name} is no longer shared.`)
    onRemoved()
  }
  return (
    <>
      <button
        type="button"
        class="button"
        onClick={() => {
          isAsking.value = true
        }}
      >
        <Icon name="trash" small />
        Stop sharing{isOwn ? '' : ` for ${owner}`}
      </button>
      {isAsking.value && (
        <Confirm
          title={`Stop sharing ${shownText(name)}?`}
          verb="Stop sharing"
          isDanger
          onConfirm={() => act(remove)}
          onClose={() => {
            isAsking.value = false
          }}
        >
          <p>
            The file leaves the cluster, and its replicas on other peers are dropped. It stays on
            the disk of {owner}, and downloaded copies stay where they are.
          </p>
          {!isOwn && <p>It belongs to {owner}, not to the peer of this page.</p>}
        </Confirm>
      )}
    </>
  )
}
