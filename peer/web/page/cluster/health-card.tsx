import type { JSX } from 'preact'
import { bytesText, numberText, percentText } from '../format/units.ts'
import type { Status } from '../live/live-types.ts'
import { usePage } from '../shell/page-context.ts'
import { healthOf } from './cluster-text.ts'

/** How many files have their copies, and what holds up the others. */
export function HealthCard({ status }: { readonly status: Status }): JSX.Element {
  const { client, act } = usePage()
  const { tone, title, reasons } = healthOf(status)
  const { contents, atFactor, aboveFactor, trash } = status
  const lost = status.repair?.lacking.lost ?? 0
  const below = status.belowFactor - lost
  const asides = [
    ...(aboveFactor === undefined || aboveFactor === 0
      ? []
      : [`${numberText(aboveFactor)} with extra replicas, which are dropped later`]),
    ...(trash === undefined || trash.files === 0
      ? []
      : [`${numberText(trash.files)} in the trash (${bytesText(trash.bytes)})`]),
  ]
  return (
    <section class={`card health ${tone}`} aria-labelledby="health">
      <h2 id="health">
        <span class={`dot ${tone}`} />
        {title}
      </h2>
      <CopiesBar atFactor={atFactor} below={below} lost={lost} />
      <dl class="figures">
        <Figure label="with all copies" value={atFactor} of={contents} tone="ok" />
        <Figure label="below their factor" value={below} of={contents} tone="warn" />
        <Figure label="without a copy" value={lost} of={contents} tone="bad" />
      </dl>
      {reasons.length > 0 && (
        <ul class="reasons">
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      {status.brake !== undefined && (
        <div class="actions">
          <button
            type="button"
            class="button"
            onClick={() => act(() => client.call('resumeReplication'), 'Copying continues.')}
          >
            Continue copying now
          </button>
        </div>
      )}
      {asides.length > 0 && <p class="faint">{asides.join(' · ')}</p>}
    </section>
  )
}

interface FigureProps {
  readonly label: string
  readonly value: number
  readonly of: number
  readonly tone: 'ok' | 'warn' | 'bad'
}

function Figure({ label, value, of, tone }: FigureProps): JSX.Element {
  return (
    <div>
      <dt>{label}</dt>
      <dd>
        <strong class={value > 0 ? tone : 'faint'}>{numberText(value)}</strong>
        {value > 0 && <span class="faint">{percentText(value, of)}</span>}
      </dd>
    </div>
  )
}

interface CopiesBarProps {
  readonly atFactor: number
  readonly below: number
  readonly lost: number
}

/** Decoration: the figures below say the same. */
function CopiesBar({ atFactor, below, lost }: CopiesBarProps): JSX.Element {
  return (
    <div class="copies-bar" aria-hidden="true">
      {[
        { tone: 'ok', count: atFactor },
        { tone: 'warn', count: below },
        { tone: 'bad', count: lost },
      ]
        .filter(({ count }) => count > 0)
        .map(({ tone, count }) => (
          <span key={tone} class={tone} style={{ flexGrow: count }} />
        ))}
    </div>
  )
}
