import type { JSX } from 'preact'
import type { Holder } from './file-details.ts'

const tones = { live: 'ok', suspect: 'warn', unreachable: 'bad', dead: 'bad' } as const

/** The peers that have a content. */
export function HolderTable({ holders }: { readonly holders: readonly Holder[] }): JSX.Element {
  if (holders.length === 0) return <p class="soft">No peer has it.</p>
  return (
    <table class="table">
      <caption class="hidden-text">Peers that have this content</caption>
      <thead>
        <tr>
          <th scope="col">Peer</th>
          <th scope="col">Address</th>
          <th scope="col">Kind</th>
          <th scope="col">State</th>
        </tr>
      </thead>
      <tbody>
        {holders.map(({ peerId, kind, state, address, fault }) => (
          <tr key={`${peerId} ${kind}`}>
            <th scope="row">{peerId}</th>
            <td class="mono">{address ?? '–'}</td>
            <td>{fault === undefined ? kind : `${kind}, ${fault}`}</td>
            <td>
              {state !== undefined && (
                <span class="with-copy">
                  <span class={`dot ${fault === undefined ? tones[state] : 'bad'}`} />
                  {state}
                </span>
              )}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
