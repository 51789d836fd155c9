import type { JSX } from 'preact'
import { shownText } from '../format/shown-text.ts'
import { bytesText, rateText } from '../format/units.ts'
import type { Download } from '../live/live-types.ts'
import { Icon, type IconName } from '../parts/icon.tsx'
import { Progress } from '../parts/progress.tsx'
import { usePage } from '../shell/page-context.ts'
import { progressText } from './download-text.ts'

const tones = {
  waiting: 'paused',
  running: 'accent',
  paused: 'paused',
  done: 'ok',
  failed: 'bad',
} as const

/** One download: how far it is, from whom, and what can be done with it. */
export function DownloadCard({ download }: { readonly download: Download }): JSX.Element {
  const { name, state, bytes, size, sources, files } = download
  return (
    <article class="download">
      <div class="download-head">
        <strong>{shownText(name)}</strong>
        <DownloadActions download={download} />
      </div>
      <Progress
        part={state === 'done' ? 1 : bytes}
        whole={state === 'done' ? 1 : size}
        tone={tones[state]}
        label={name}
      />
      <p class={state === 'failed' ? 'bad-text' : 'soft'}>{progressText(download)}</p>
      {state === 'running' && sources.length > 0 && (
        <ul class="sources" aria-label="Sources">
          {sources.map((source) => (
            <li key={source.peerId}>
              <span>
                {source.peerId}{' '}
                <span class="faint">
                  {source.host}:{source.port}
                </span>
              </span>
              <span class="soft">
                {bytesText(source.bytes)} · {rateText(source.bytesPerSecond)}
              </span>
            </li>
          ))}
        </ul>
      )}
      {files !== undefined && files.failures.length > 0 && (
        <ul class="sources" aria-label="Files that failed">
          {files.failures.map((failure) => (
            <li key={failure.name} class="bad-text">
              {shownText(failure.name)}: {failure.error.message}
            </li>
          ))}
        </ul>
      )}
    </article>
  )
}

interface Action {
  readonly label: string
  readonly icon: IconName
  readonly run: () => Promise<unknown>
}

function DownloadActions({ download }: { readonly download: Download }): JSX.Element {
  const { client, live, act } = usePage()
  const { id, name, state } = download
  const pause: Action = {
    label: 'Pause',
    icon: 'pause',
    run: () => live.noteDownload(client.call('pauseDownload', { id })),
  }
  const resume: Action = {
    label: 'Resume',
    icon: 'play',
    run: () => live.noteDownload(client.call('resumeDownload', { id })),
  }
  const cancel: Action = {
    label: 'Cancel',
    icon: 'close',
    run: async () => {
      await client.call('cancelDownload', { id })
      await live.refreshDownloads()
    },
  }
  const again: Action = {
    label: 'Try again',
    icon: 'retry',
    run: async () => {
      const pattern = download.files === undefined ? {} : { pattern: true }
      await live.noteDownload(client.call('startDownload', { name, ...pattern }))
    },
  }
  const actions = {
    waiting: [pause, cancel],
    running: [pause, cancel],
    paused: [resume, cancel],
    failed: [again],
    done: [],
  }[state]
  return (
    <span class="actions">
      {actions.map(({ label, icon, run }) => (
        <button
          key={label}
          type="button"
          class="copy"
          title={label}
          aria-label={`${label}: ${name}`}
          onClick={() => act(run)}
        >
          <Icon name={icon} small />
        </button>
      ))}
    </span>
  )
}
