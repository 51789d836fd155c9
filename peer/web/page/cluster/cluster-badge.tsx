import type { JSX } from 'preact'
import { usePage } from '../shell/page-context.ts'
import { healthOf } from './cluster-text.ts'

/** Beside the link to the cluster: whether it needs attention. */
export function ClusterBadge(): JSX.Element | null {
  const { live } = usePage()
  const status = live.status.value
  if (status === undefined) return null
  const { tone, title } = healthOf(status)
  const missing = status.peers.dead + (status.peers.unreachable ?? 0)
  if (tone !== 'bad' && tone !== 'warn' && missing === 0) return null
  return (
    <span class={`badge ${tone === 'bad' ? 'bad' : 'warn'}`} title={title}>
      {tone === 'bad' || tone === 'warn' ? '!' : missing}
      <span class="hidden-text">{` ${title}`}</span>
    </span>
  )
}
