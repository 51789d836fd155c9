import type { JSX } from 'preact'
import { RunningDownloads } from '../downloads/running-downloads.tsx'
import { Icon } from '../parts/icon.tsx'
import { usePage } from './page-context.ts'
import { formatRoute } from './route.ts'
import { ThemeButton } from './theme-button.tsx'
import { views } from './views.ts'

export function BrandMark(): JSX.Element {
  return (
    <svg class="brand-mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect class="back" x="3" y="3" width="18" height="18" rx="5" />
      <rect class="front" x="11" y="11" width="18" height="18" rx="5" />
    </svg>
  )
}

export function Brand(): JSX.Element {
  return (
    <a class="brand" href={formatRoute({ view: 'files' })} aria-label="Tandem: all files">
      <BrandMark />
      Tandem
    </a>
  )
}

export function Sidebar({ current }: { readonly current: string }): JSX.Element {
  const { live } = usePage()
  const shown = views.filter(({ isShown }) => isShown?.(live) !== false)
  return (
    <aside class="sidebar" aria-label="Tandem">
      <Brand />
      <nav class="nav" aria-label="Views">
        {shown.map(({ name, label, icon, badge: Count }) => (
          <a
            key={name}
            href={formatRoute({ view: name })}
            {...(name === current ? { 'aria-current': 'page' as const } : {})}
          >
            <Icon name={icon} />
            {label}
            {Count !== undefined && <Count />}
          </a>
        ))}
      </nav>
      <div class="sidebar-foot">
        <RunningDownloads />
        <Identity />
      </div>
    </aside>
  )
}

const states = {
  connecting: { tone: '', text: 'Connecting …' },
  live: { tone: 'ok', text: 'Live' },
  polling: { tone: 'warn', text: 'Polling every few seconds' },
  stale: { tone: 'bad', text: 'Not responding' },
} as const

/** The peer that serves this page, and whether the page is current. */
function Identity(): JSX.Element {
  const { live } = usePage()
  const { tone, text } = states[live.connection.value.state]
  return (
    <div class="identity">
      <span class={`dot ${tone}`} />
      <div>
        <strong class="cut">{live.peerId.value || 'Peer'}</strong>
        <p role="status">{text}</p>
      </div>
      <ThemeButton />
    </div>
  )
}
