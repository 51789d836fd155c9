import type { JSX } from 'preact'
import { insecureText } from '../cluster/cluster-text.ts'
import { Icon } from '../parts/icon.tsx'
import { usePage } from './page-context.ts'

/** Says that other machines reach this peer, or its index, without TLS. It cannot be closed. */
export function InsecureBanner(): JSX.Element | null {
  const status = usePage().live.status.value
  const text = status && insecureText(status)
  if (text === undefined) return null
  return (
    <section class="insecure" aria-label="Security">
      <Icon name="warning" />
      <p>
        <strong>Not secured.</strong> {text} <code>tandem cluster init</code> secures the cluster.
      </p>
    </section>
  )
}
