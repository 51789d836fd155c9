import type { JSX } from 'preact'

/** The number of live copies; without the factor, only none and one are remarkable. */
export function CopiesBadge({
  copies,
  factor,
}: {
  readonly copies: number
  readonly factor?: number
}): JSX.Element {
  const wanted = factor ?? 2
  const tone = copies === 0 ? 'bad' : copies < wanted ? 'warn' : 'ok'
  const label = factor === undefined ? String(copies) : `${copies} of ${factor}`
  return (
    <span class={`badge ${tone}`} title={titleOf(copies)}>
      {label}
      <span class="hidden-text"> live copies</span>
    </span>
  )
}

function titleOf(copies: number): string {
  if (copies === 0) return 'No live peer has it'
  return copies === 1 ? 'One live peer has it' : `${copies} live peers have it`
}
