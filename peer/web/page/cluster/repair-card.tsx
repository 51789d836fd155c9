import type { JSX } from 'preact'
import { bytesText, durationText, numberText } from '../format/units.ts'
import { PathText } from '../parts/path-text.tsx'
import { lackingGroups, type Repair, repairText } from './cluster-text.ts'

/** What is being copied, how fast, and what waits. */
export function RepairCard({ repair }: { readonly repair: Repair }): JSX.Element {
  const { missingBytes, oldestMs, now } = repair
  return (
    <section class="card repair" aria-labelledby="repair">
      <h2 id="repair">Replication</h2>
      <p class="soft">{repairText(repair)}</p>
      <dl class="figures">
        {lackingGroups(repair).map(({ label, count, tone }) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd>
              <strong class={tone}>{numberText(count)}</strong>
            </dd>
          </div>
        ))}
      </dl>
      <p class="faint">
        {bytesText(missingBytes)} to copy
        {oldestMs !== undefined && ` · the oldest has waited ${durationText(oldestMs)}`}
      </p>
      {now.length > 0 && (
        <ul class="copying" aria-label="Copies in progress">
          {now.map(({ name, target, source, size, forMs }) => (
            <li key={`${name} ${target}`}>
              <PathText name={name} />
              <span class="faint">
                {source === undefined ? '' : `${source} → `}
                {target} · {bytesText(size)} · {durationText(forMs)}
              </span>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
