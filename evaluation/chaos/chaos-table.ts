/** The results of chaos for people: pure. */
import { bytesText } from '../../peer/cli/human-units.ts'
import { tableText } from '../../peer/cli/table.ts'
import type { StrikeResult } from './chaos.ts'

const columns = [
  { title: 'FAULT' },
  { title: 'VICTIMS' },
  { title: 'NOTICED', align: 'right' },
  { title: 'HEALED IN', align: 'right' },
  { title: 'AT REST IN', align: 'right' },
  { title: 'COPIED', align: 'right' },
  { title: 'RESULT' },
] as const

function seconds(ms: number | undefined): string {
  return ms === undefined ? '-' : `${(ms / 1_000).toFixed(1)} s`
}

function cellsOf(result: StrikeResult): string[] {
  const { faults, victims, detectedMs, healedMs, restMs, copiedBytes, violations } = result
  return [
    faults.join(' + '),
    victims.join(', '),
    seconds(detectedMs),
    seconds(healedMs),
    seconds(restMs),
    bytesText(copiedBytes),
    violations.length === 0 ? 'ok' : 'FAILED',
  ]
}

export function chaosTable(strikes: readonly StrikeResult[]): string {
  return tableText(columns, strikes.map(cellsOf), (title) => title)
}

/** One strike as it ends, with all that is wrong. */
export function strikeLines(result: StrikeResult): string[] {
  const [fault = '', victims = '', ...cells] = cellsOf(result)
  const [noticed, healed, rest, copied, outcome] = cells
  return [
    `${fault} (${victims}): noticed after ${noticed}, healed in ${healed}, at rest in ${rest}, ${copied} copied: ${outcome}`,
    ...result.violations.map((violation) => `  ${violation}`),
  ]
}
