/** The lines of `status` about missing copies: pure. */
import type { Status } from '../api/status-shapes.ts'
import { bytesText, countText, durationText, speedText } from './human-units.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'

/** What is missing, how fast it is made, and what is copied now; no lines if nothing is missing. */
export function repairLines({ repair }: Pick<Status, 'repair'>, style: Style): string[] {
  if (repair === undefined) return []
  const { lacking, now } = repair
  const urgent = [
    ...(lacking.lastCopy > 0 ? [`${lacking.lastCopy} with one copy left`] : []),
    ...(lacking.draining > 0 ? [`${lacking.draining} on draining peers`] : []),
    ...(lacking.others > 0 ? [`${lacking.others} with several copies`] : []),
  ]
  const lines = [`Repair:    ${[...urgent, speedOf(repair)].join(', ')}`]
  if (lacking.lost > 0)
    lines.unshift(
      style(
        'red',
        `Lost:      ${countText(lacking.lost, 'content')} without any live copy: \`why NAME\` says which peer must return`,
      ),
    )
  return [...lines, ...now.map((copy) => copyLine(copy))]
}

type Repair = NonNullable<Status['repair']>

function speedOf({
  missingBytes,
  oldestMs,
  filesPerSecond,
  bytesPerSecond,
  leftMs,
}: Repair): string {
  const parts = [`${bytesText(missingBytes)} missing`]
  if (filesPerSecond > 0)
    parts.push(`${filesPerSecond.toFixed(1)} files/s`, speedText(bytesPerSecond))
  if (leftMs !== undefined) parts.push(`about ${durationText(leftMs / 1_000)} left`)
  if (oldestMs !== undefined) parts.push(`the oldest need is ${durationText(oldestMs / 1_000)} old`)
  return parts.join(', ')
}

function copyLine({ name, target, source, size, forMs }: Repair['now'][number]): string {
  const from = source === undefined ? '' : ` from ${printable(source)}`
  return `           ${printable(target)} copies '${printable(name)}'${from} (${bytesText(size)}, for ${durationText(forMs / 1_000)})`
}
