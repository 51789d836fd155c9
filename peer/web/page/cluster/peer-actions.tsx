import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { isAbort, sentenceOf } from '../api/problem.ts'
import type { KnownPeer } from '../live/live-types.ts'
import { Confirm } from '../parts/dialog.tsx'
import { Notice } from '../parts/states.tsx'
import { usePage } from '../shell/page-context.ts'
import { type Safety, safetyText } from './safety-text.ts'

const maintenanceMinutes = 30

/** Says whether a peer may be stopped, and plans its leave. */
export function PeerActions({ peer }: { readonly peer: KnownPeer }): JSX.Element {
  const { client, act } = usePage()
  const { peerId } = peer
  const asksToForget = useSignal(false)
  return (
    <section class="stack" aria-labelledby="plan">
      <h3 id="plan">Stopping it</h3>
      <SafetyNotice peer={peer} />
      <PlanButtons
        peer={peer}
        onForget={() => {
          asksToForget.value = true
        }}
      />
      <p class="faint">
        Draining copies the peer’s files to other peers, so that it can leave permanently. In
        maintenance it may be away for a while without counting as dead.
      </p>
      {asksToForget.value && (
        <Confirm
          title={`Forget ${peerId}?`}
          verb="Forget"
          isDanger
          onConfirm={() =>
            act(() => client.call('forgetPeer', { peerId }), `${peerId} was forgotten.`)
          }
          onClose={() => {
            asksToForget.value = false
          }}
        >
          <p>
            The index removes the peer permanently. Files that other peers have are kept. If this
            peer has the only copy of a file, the index refuses and names the file.
          </p>
        </Confirm>
      )}
    </section>
  )
}

interface PlanButtonsProps {
  readonly peer: KnownPeer
  readonly onForget: () => void
}

function PlanButtons({ peer, onForget }: PlanButtonsProps): JSX.Element {
  const { client, act } = usePage()
  const { peerId, state, draining, maintenance } = peer
  return (
    <div class="actions">
      {draining === undefined ? (
        <button
          type="button"
          class="button"
          onClick={() =>
            act(() => client.call('drainPeer', { peerId }), `${peerId} is being drained.`)
          }
        >
          Drain
        </button>
      ) : (
        <button
          type="button"
          class="button"
          onClick={() =>
            act(() => client.call('undrainPeer', { peerId }), `${peerId} is no longer drained.`)
          }
        >
          Stop draining
        </button>
      )}
      {state !== 'dead' && maintenance === undefined && (
        <button
          type="button"
          class="button"
          onClick={() =>
            act(
              () => client.call('maintainPeer', { peerId, forMs: maintenanceMinutes * 60_000 }),
              `${peerId} may be away for ${maintenanceMinutes} minutes.`,
            )
          }
        >
          Maintenance for {maintenanceMinutes} min
        </button>
      )}
      {maintenance !== undefined && (
        <button
          type="button"
          class="button"
          onClick={() =>
            act(() => client.call('endMaintenance', { peerId }), 'Maintenance has ended.')
          }
        >
          End maintenance
        </button>
      )}
      {state === 'dead' && (
        <button type="button" class="button" onClick={onForget}>
          Forget
        </button>
      )}
    </div>
  )
}

/** Asks again when files or the peer change. */
function SafetyNotice({ peer }: { readonly peer: KnownPeer }): JSX.Element {
  const { client, live } = usePage()
  const safety = useSignal<Safety | undefined>(undefined)
  const failure = useSignal('')
  const version = live.filesVersion.value
  const { peerId, state } = peer
  const isDraining = peer.draining !== undefined
  useEffect(() => {
    const leaving = new AbortController()
    client.call('peerSafety', { peerId }, leaving.signal).then(
      (reply) => {
        safety.value = reply
        failure.value = ''
      },
      (error: unknown) => {
        if (!isAbort(error)) failure.value = sentenceOf(error)
      },
    )
    return () => leaving.abort()
  }, [client, peerId, state, isDraining, version, safety, failure])
  if (failure.value !== '') return <Notice tone="warn">{failure.value}</Notice>
  if (safety.value === undefined) return <p class="faint">Counting its files …</p>
  const { tone, text } = safetyText(safety.value)
  return <Notice tone={tone === 'ok' ? 'info' : tone === 'bad' ? 'bad' : 'warn'}>{text}</Notice>
}
