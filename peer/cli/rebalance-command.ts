import { Command } from 'commander'
import type { Rebalance } from '../api/cluster-shapes.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText, countText, durationText, speedText } from './human-units.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'

interface RebalanceOptions extends CommonOptions {
  readonly dryRun?: boolean
  readonly status?: boolean
  readonly stop?: boolean
}

export function rebalanceCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('rebalance')
    .summary('move replicas from full peers to less full ones')
    .description(
      'Shows which replicas would move from fuller peers to less full ones, then moves them in the background: each is copied first, and dropped at the fuller peer after the other holders have confirmed their copies. If a rebalance is already running, shows its progress instead.',
    )
    .option('--dry-run', 'only show what would move')
    .option('--status', 'only show the progress of the current or last rebalance')
    .option('--stop', 'stop the running rebalance')
    .action((options: Options & RebalanceOptions) =>
      run(options, (session) => rebalance(session, options)),
    )
}

async function rebalance(session: Session, options: RebalanceOptions): Promise<void> {
  const { terminal, json } = session
  const found = await asked(session, options)
  const text = rebalanceText(found, { isDry: options.dryRun === true }, styleOf(terminal))
  await terminal.print(json ? printableJson(found, 2) : text)
}

async function asked(
  { api, signal }: Session,
  { dryRun = false, status = false, stop = false }: RebalanceOptions,
): Promise<Rebalance> {
  if (stop) return await api.stopRebalance(signal)
  if (dryRun) return await api.rebalance({ plan: true }, signal)
  const current = await api.rebalance({ plan: false }, signal)
  if (status || isRunning(current)) return current
  return await api.startRebalance(signal)
}

function isRunning({ state }: Rebalance): boolean {
  return state === 'running' || state === 'waiting'
}

const columns = [
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'FILES', align: 'right' },
  { title: 'SIZE', align: 'right' },
] as const

function rebalanceText(
  found: Rebalance,
  { isDry }: { readonly isDry: boolean },
  style: Style,
): string {
  const { plan } = found
  if (plan === undefined) return progressText(found)
  if (plan.contents === 0)
    return 'Nothing to move: peers are about equally full, or no replica can move.'
  const rows = plan.flows.map(({ from, to, contents, bytes }) => [
    printable(from),
    printable(to),
    String(contents),
    bytesText(bytes),
  ])
  const least = plan.isPartial ? 'at least ' : ''
  const sum = `${least}${countText(plan.contents, 'file')}, ${bytesText(plan.bytes)}${timeText(plan.bytes, found)}`
  const end = isDry
    ? `It would move ${sum}.`
    : `It moves ${sum}, in the background: \`rebalance\` shows the progress, \`rebalance --stop\` ends it.`
  return [tableText(columns, rows, (title) => style('bold', title)), end].join('\n')
}

/** How long `bytes` take at the allowed rate, if there is one. */
function timeText(bytes: number, { bytesPerSecond }: Rebalance): string {
  if (bytesPerSecond === undefined) return ''
  return `, at ${speedText(bytesPerSecond)} in ${durationText(bytes / bytesPerSecond)}`
}

/** The progress of a rebalance, as one sentence. */
export function progressText(found: Omit<Rebalance, 'plan'>): string {
  const { state, cause, waitsFor, movedContents, movedBytes, leftBytes } = found
  const moved = `${countText(movedContents, 'file')} (${bytesText(movedBytes)}) moved`
  switch (state) {
    case 'idle':
      return 'No rebalance has run since the index started.'
    case 'done':
    case 'stopped':
      return `The last rebalance is ${state}: ${moved}.`
    case 'running':
    case 'waiting': {
      const left = `${bytesText(leftBytes)} left${timeText(leftBytes, found)}`
      const wait = waitsFor === undefined ? '' : `; it waits: ${printable(waitsFor)}`
      const start = cause === 'automatic' ? ', started automatically' : ''
      return `${moved}, ${left}${start}${wait}`
    }
  }
}
