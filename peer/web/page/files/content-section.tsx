import type { JSX } from 'preact'
import { DownloadCard } from '../downloads/download-card.tsx'
import { partsOf } from '../format/names.ts'
import { bytesText, dateText } from '../format/units.ts'
import type { Download } from '../live/live-types.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Icon } from '../parts/icon.tsx'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { CommandLines } from './command-lines.tsx'
import { CopiesBadge } from './copies-badge.tsx'
import { type ContentDetails, liveCopies } from './file-details.ts'
import { fileUrl } from './file-links.ts'
import { HolderTable } from './holder-table.tsx'
import { RemoveFile } from './remove-file.tsx'

interface ContentSectionProps {
  readonly name: string
  readonly content: ContentDetails
  /** Present if the name has several contents. */
  readonly label: string | undefined
  readonly onRemoved: () => void
}

export function ContentSection(props: ContentSectionProps): JSX.Element {
  const { name, content, label, onRemoved } = props
  const { sha256, size, factor, holders, missing, notes, isWanted, modifiedMs } = content
  const { clock } = usePage()
  const owners = holders.filter(({ kind }) => kind === 'shared').map(({ peerId }) => peerId)
  const download = useDownload(name, sha256)
  return (
    <section class="content">
      {label !== undefined && <h3>{label}</h3>}
      <DownloadButtons name={name} sha256={sha256} download={download} />
      {download !== undefined && download.state !== 'done' && <DownloadCard download={download} />}
      <dl class="facts">
        <dt>Size</dt>
        <dd>
          {bytesText(size)} <span class="faint">({size.toLocaleString('en')} bytes)</span>
        </dd>
        {modifiedMs !== undefined && <dt>Modified</dt>}
        {modifiedMs !== undefined && <dd>{dateText(modifiedMs, clock.nowMs())}</dd>}
        <dt>SHA-256</dt>
        <dd class="with-copy">
          <code class="cut">{sha256}</code>
          <CopyButton text={sha256} what="the SHA-256" />
        </dd>
        <dt>Copies</dt>
        <dd>
          {isWanted ? (
            <CopiesBadge copies={liveCopies(content)} factor={factor} />
          ) : (
            'No longer shared'
          )}
        </dd>
      </dl>
      {missing.map((sentence) => (
        <Notice key={sentence} tone="warn">
          {sentence}.
        </Notice>
      ))}
      {notes.map((sentence) => (
        <Notice key={sentence}>{sentence}.</Notice>
      ))}
      <HolderTable holders={holders} />
      <CommandLines address={{ origin: window.location.origin, name, sha256 }} />
      {owners.map((owner) => (
        <div key={owner} class="actions">
          <RemoveFile name={name} owner={owner} onRemoved={onRemoved} />
        </div>
      ))}
    </section>
  )
}

/** The newest download of this content, if there is one. */
function useDownload(name: string, sha256: string): Download | undefined {
  const { live } = usePage()
  return [...live.downloads.value.values()].findLast(
    (download) =>
      download.name === name &&
      download.files === undefined &&
      (download.result === undefined || download.result.sha256 === sha256),
  )
}

interface DownloadButtonsProps {
  readonly name: string
  readonly sha256: string
  readonly download: Download | undefined
}

function DownloadButtons({ name, sha256, download }: DownloadButtonsProps): JSX.Element {
  const { client, live, act } = usePage()
  const isRunning = download !== undefined && !['done', 'failed'].includes(download.state)
  const start = async (): Promise<void> =>
    live.noteDownload(client.call('startDownload', { name, sha256 }))
  return (
    <div class="actions">
      <button type="button" class="button primary" disabled={isRunning} onClick={() => act(start)}>
        <Icon name="download" small />
        Download to this peer
      </button>
      <a class="button" href={fileUrl({ origin: '', name, sha256 })} download={partsOf(name).file}>
        <Icon name="save" small />
        Save on this computer
      </a>
      {download?.result !== undefined && (
        <span class="badge ok" title={download.result.path}>
          <Icon name="check" small />
          Downloaded
        </span>
      )}
    </div>
  )
}
