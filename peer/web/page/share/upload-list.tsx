import type { JSX } from 'preact'
import { Icon, type IconName } from '../parts/icon.tsx'
import { PathText } from '../parts/path-text.tsx'
import { Progress } from '../parts/progress.tsx'
import { type Column, VirtualList } from '../parts/virtual-list.tsx'
import { usePage } from '../shell/page-context.ts'
import type { Upload } from './upload-queue.ts'
import { uploadText } from './upload-text.ts'

const columns: readonly Column[] = [
  { name: 'name', label: 'Name' },
  { name: 'course', label: 'State' },
  { name: 'action', label: 'Actions', hidesLabel: true },
]
const tones = {
  queued: 'paused',
  sending: 'accent',
  exists: 'paused',
  copying: 'accent',
  done: 'ok',
  failed: 'bad',
  cancelled: 'paused',
} as const

export function UploadList({ uploads }: { readonly uploads: readonly Upload[] }): JSX.Element {
  const { go } = usePage()
  return (
    <VirtualList
      label="Uploads"
      layout="uploads-list"
      columns={columns}
      rows={uploads}
      keyOf={({ id }) => String(id)}
      cells={(upload) => [
        <PathText key="name" name={upload.name} />,
        <UploadState key="course" upload={upload} />,
        <UploadAction key="action" upload={upload} />,
      ]}
      onOpen={({ name, state }) => {
        if (state === 'done' || state === 'copying') go({ view: 'files', query: { open: name } })
      }}
    />
  )
}

function UploadState({ upload }: { readonly upload: Upload }): JSX.Element {
  const { state, sentBytes, file, name } = upload
  const isFull = state === 'copying' || state === 'done'
  const whole = Math.max(1, file.size)
  return (
    <span class="upload-state">
      {state !== 'cancelled' && (
        <Progress
          part={isFull ? whole : sentBytes}
          whole={whole}
          tone={tones[state]}
          label={name}
        />
      )}
      <span class={state === 'failed' ? 'cut bad-text' : 'cut soft'} title={uploadText(upload)}>
        {uploadText(upload)}
      </span>
    </span>
  )
}

function UploadAction({ upload }: { readonly upload: Upload }): JSX.Element | null {
  const { uploads } = usePage()
  const { id, name, state } = upload
  const [label, icon, run]: readonly [string, IconName, () => void] =
    state === 'failed'
      ? ['Try again', 'retry', () => uploads.retry(id)]
      : ['Cancel', 'close', () => uploads.cancel(id)]
  if (state === 'done' || state === 'cancelled' || state === 'copying') return null
  const onClick = (event: Event): void => {
    event.stopPropagation()
    run()
  }
  return (
    <button
      type="button"
      class="copy"
      title={label}
      aria-label={`${label}: ${name}`}
      onClick={onClick}
    >
      <Icon name={icon} small />
    </button>
  )
}
