import type { JSX } from 'preact'
import { CopyButton } from '../parts/copy-button.tsx'
import { commandLines, type FileAddress, wantsToken } from './file-links.ts'

/** Command lines that fetch the file, to copy. */
export function CommandLines({ address }: { readonly address: FileAddress }): JSX.Element {
  return (
    <details class="commands">
      <summary>Fetch it with curl or aria2c</summary>
      <dl>
        {commandLines(address).map(({ program, what, text }) => (
          <div key={program}>
            <dt>
              {program} <span class="faint">{what}</span>
            </dt>
            <dd>
              <code>{text}</code>
              <CopyButton text={text} what={`the command line for ${program}`} />
            </dd>
          </div>
        ))}
      </dl>
      {wantsToken(address.origin) && (
        <p class="faint">
          Set <code>TOKEN</code> to the token of this peer, which <code>tandem token</code> shows.
        </p>
      )}
      {address.origin.startsWith('https:') && (
        <p class="faint">
          A program that does not know the cluster’s certificate gets it from{' '}
          <code>.tandem/cluster/ca.pem</code> in the peer’s data folder: <code>curl --cacert</code>,{' '}
          <code>aria2c --ca-certificate</code>.
        </p>
      )}
    </details>
  )
}
