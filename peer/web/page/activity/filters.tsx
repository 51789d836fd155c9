import type { JSX } from 'preact'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { missingText } from './activity-text.ts'

interface Choice {
  readonly value: string
  readonly label: string
}

interface SelectProps {
  readonly label: string
  /** Its name in the address. */
  readonly name: string
  readonly choices: readonly Choice[]
}

/** A choice that is kept in the address; the empty value is the default. */
export function Select({ label, name, choices }: SelectProps): JSX.Element {
  const { route, go } = usePage()
  const { view, path, query } = route.value
  return (
    <label class="select">
      <span class="soft">{label}</span>
      <select
        class="input"
        aria-label={label}
        value={query[name] ?? ''}
        onChange={({ currentTarget }) =>
          go({ view, path, query: { ...query, [name]: currentTarget.value } })
        }
      >
        {choices.map((choice) => (
          <option key={choice.value} value={choice.value}>
            {choice.label}
          </option>
        ))}
      </select>
    </label>
  )
}

/** Whose activity is shown. @param first the choices before the single peers */
export function PeerSelect({ first }: { readonly first: readonly Choice[] }): JSX.Element {
  const { live } = usePage()
  const known = [...(live.peers.value?.keys() ?? [])].toSorted()
  const others = known.filter((peerId) => first.every(({ value }) => value !== peerId))
  const choices = [...first, ...others.map((peerId) => ({ value: peerId, label: peerId }))]
  return <Select label="Peer" name="peer" choices={choices} />
}

/** This peer, all, or one: for what each peer keeps by itself. */
export function HistoryPeerSelect(): JSX.Element {
  const { peerId } = usePage().live
  return (
    <PeerSelect
      first={[
        { value: '', label: peerId.value === '' ? 'This peer' : `${peerId.value} (this peer)` },
        { value: 'all', label: 'All live peers' },
      ]}
    />
  )
}

export function MissingPeers({
  missing,
}: {
  readonly missing: readonly { readonly peerId: string }[]
}): JSX.Element | null {
  if (missing.length === 0) return null
  return <Notice tone="warn">{missingText(missing)}: their records are missing here.</Notice>
}
