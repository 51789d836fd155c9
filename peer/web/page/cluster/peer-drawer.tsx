import type { JSX } from 'preact'
import { agoText, bytesText, countText, rateText } from '../format/units.ts'
import type { KnownPeer } from '../live/live-types.ts'
import { CopyButton } from '../parts/copy-button.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { notesOf, stateTones } from './cluster-text.ts'
import { PeerActions } from './peer-actions.tsx'
import { SpaceBar } from './space-bar.tsx'

/** All about one peer, and what can be planned for it. */
export function PeerDrawer({ peer }: { readonly peer: KnownPeer }): JSX.Element {
  const { route, go, nowMs } = usePage()
  const { peerId, state, host, port, http, zone, heardMs, copies, bytes, replicaBytes } = peer
  const { capacityBytes, uploadBytesPerSecond = 0, downloadBytesPerSecond = 0 } = peer
  const close = (): void => {
    const { open: _open, ...query } = route.value.query
    go({ view: 'cluster', query })
  }
  const address = addressOf(host, port)
  const page = http === undefined ? undefined : pageOf(http)
  return (
    <Dialog kind="drawer" title={peerId} onClose={close}>
      {notesOf(peer).map(({ tone, text }) => (
        <Notice key={text} tone={tone === 'accent' ? 'info' : 'warn'}>
          {text[0]?.toUpperCase()}
          {text.slice(1)}
        </Notice>
      ))}
      <dl class="facts">
        <dt>State</dt>
        <dd>
          <span class="with-copy">
            <span class={`dot ${stateTones[state]}`} />
            {state}
          </span>
        </dd>
        <dt>Heartbeat</dt>
        <dd>{agoText(nowMs.value - heardMs)}</dd>
        <dt>Address</dt>
        <dd class="with-copy">
          <code class="cut">{address}</code>
          <CopyButton text={address} what="the address" />
        </dd>
        {page !== undefined && (
          <>
            <dt>Page</dt>
            <dd>
              <a href={page} rel="noreferrer">
                {page}
              </a>
            </dd>
          </>
        )}
        <dt>Zone</dt>
        <dd>{zone ?? 'none'}</dd>
        <dt>Copies</dt>
        <dd>
          {countText(copies, 'copy', 'copies')}, {bytesText(bytes)}
          {replicaBytes !== undefined && ` (${bytesText(replicaBytes)} replicated)`}
        </dd>
        <dt>Capacity</dt>
        <dd>
          {capacityBytes === undefined
            ? 'as much as its disk holds'
            : `${bytesText(capacityBytes)} for replicas`}
        </dd>
        <dt>Disk</dt>
        <dd>
          <SpaceBar peer={peer} />
        </dd>
        <dt>Sends</dt>
        <dd>{rateText(uploadBytesPerSecond)}</dd>
        <dt>Receives</dt>
        <dd>{rateText(downloadBytesPerSecond)}</dd>
      </dl>
      <PeerActions peer={peer} />
    </Dialog>
  )
}

function pageOf({ host, port, isSecure }: NonNullable<KnownPeer['http']>): string {
  return `${isSecure === undefined ? 'http' : 'https'}://${addressOf(host, port)}/`
}

function addressOf(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}
