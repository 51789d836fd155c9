/** The commands about what peers transfer and were asked: `transfers`, `history`, `queries`, `series`. */
import { Command, Option } from 'commander'
import type {
  QueryHistory,
  RunningTransfers,
  Series,
  TransferHistory,
} from '../api/history-shapes.ts'
import type { FetchPage } from '../api/pages.ts'
import type { CommonOptions, RunCommand } from './command.ts'
import { bytesText, countText, durationText, localText, speedText } from './human-units.ts'
import { limitOption, printRows } from './listed-rows.ts'
import { printable, printableJson } from './printable.ts'
import type { Session } from './session.ts'
import { type Style, styleOf } from './style.ts'
import { tableText } from './table.ts'

type PastTransfer = TransferHistory['transfers'][number]
type PastQuery = QueryHistory['queries'][number]
type Missing = TransferHistory['missing']

interface HistoryOptions {
  readonly of?: string
  readonly limit?: number
}

/** Rows shown by default; programs get all. */
const rowsShown = 50

export function transfersCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('transfers')
    .summary('show what this peer sends and receives now')
    .description('Shows what this peer sends and receives now, for each source and requester.')
    .action((options: Options) =>
      run(options, async ({ api, signal, terminal, json }) => {
        const transfers = await api.transfers(signal)
        const text = (): string => transfersText(transfers, styleOf(terminal))
        await terminal.print(json ? printableJson(transfers, 2) : text())
      }),
    )
}

export function historyCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('history')
    .summary('show who sent what to whom, and how fast')
    .description(
      'Shows finished transfers, newest first: what this peer received, from which sources, and what it sent. Small files between the same peers are combined.',
    )
    .addOption(peerOption())
    .addOption(
      new Option('--direction <way>', 'only what it received, or sent').choices(['in', 'out']),
    )
    .addOption(limitOption(rowsShown))
    .action((options: Options & HistoryOptions & { readonly direction?: 'in' | 'out' }) =>
      run(options, async (session) => {
        const { of: peer, direction } = options
        const asked = { ...(peer !== undefined && { peer }), ...(direction && { direction }) }
        await printHistory(session, options, pastTransfersText, async (page) => {
          const { transfers, next, missing } = await session.api.history(
            { ...asked, ...page },
            session.signal,
          )
          return { rows: transfers, next, missing }
        })
      }),
    )
}

export function queriesCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('queries')
    .summary('show queries, who sent them, and the answers')
    .description(
      'Shows the queries that this peer received, newest first: lookups, searches and folder listings, from a page, a command, a program or a download. In a mesh, also shows queries that were sent through this peer, and those of other members that it answered, with the member that asked. If there are many per second, they are only counted.',
    )
    .addOption(peerOption())
    .addOption(limitOption(rowsShown))
    .action((options: Options & HistoryOptions) =>
      run(options, async (session) => {
        const { of: peer } = options
        await printHistory(session, options, pastQueriesText, async (page) => {
          const { queries, next, missing } = await session.api.queries(
            { ...(peer !== undefined && { peer }), ...page },
            session.signal,
          )
          return { rows: queries, next, missing }
        })
      }),
    )
}

export function seriesCommand<Options extends CommonOptions>(run: RunCommand<Options>): Command {
  return new Command('series')
    .summary('show throughput, lookups and copies over the last hour')
    .description(
      'Shows throughput, lookups and copies of this peer and the cluster over the last hour, each as one line of bars; with --json, all samples.',
    )
    .action((options: Options) =>
      run(options, async ({ api, signal, terminal, json }) => {
        const series = await api.series({ hours: 1 }, signal)
        await terminal.print(json ? printableJson(series, 2) : seriesText(series))
      }),
    )
}

function peerOption(): Option {
  return new Option('--of <peer|all>', 'of another peer, or `all` for all live ones')
}

async function printHistory<Row>(
  session: Session,
  { limit }: HistoryOptions,
  text: (rows: readonly Row[], style: Style) => string,
  fetch: (page: Parameters<FetchPage<Row>>[0]) => Promise<{
    rows: Row[]
    next: string | undefined
    missing: Missing
  }>,
): Promise<void> {
  const silent = new Map<string, string>()
  const fetchPage: FetchPage<Row> = async (page) => {
    const { rows, next, missing } = await fetch(page)
    for (const { peerId, code } of missing) silent.set(peerId, code)
    return { rows, next }
  }
  const shown = { limit, limitForPeople: rowsShown }
  await printRows(session, fetchPage, shown, (rows, isMore) => {
    const more = isMore ? ['More with --limit.'] : []
    const lacking = Array.from(
      silent,
      ([peer, code]) => `No answer from ${printable(peer)}: ${code}.`,
    )
    return [text(rows, styleOf(session.terminal)), ...more, ...lacking].join('\n')
  })
}

const transferColumns = [
  { title: 'FILE' },
  { title: 'PEER' },
  { title: 'FOR' },
  { title: 'BYTES', align: 'right' },
  { title: 'SPEED', align: 'right' },
] as const

function transfersText(transfers: RunningTransfers, style: Style): string {
  if (transfers.length === 0) return 'Nothing is sent or received now.'
  const rows = transfers.map((transfer) => [
    fileText(transfer),
    `${transfer.direction === 'in' ? 'from' : 'to'} ${printable(transfer.peerId)}`,
    transfer.purpose,
    `${bytesText(transfer.bytes)} of ${bytesText(transfer.size)}`,
    speedText(transfer.bytesPerSecond),
  ])
  return tableText(transferColumns, rows, (title) => style('bold', title))
}

const pastTransferColumns = [
  { title: 'TIME' },
  { title: 'FILE' },
  { title: 'FROM' },
  { title: 'TO' },
  { title: 'BYTES', align: 'right' },
  { title: 'TOOK', align: 'right' },
  { title: 'SPEED', align: 'right' },
] as const

function pastTransfersText(transfers: readonly PastTransfer[], style: Style): string {
  if (transfers.length === 0) return 'No transfers.'
  const rows = transfers.map((transfer) => [
    localText(transfer.timeMs),
    fileText(transfer),
    fromText(transfer),
    printable(transfer.to),
    bytesText(transfer.bytes),
    tookText(transfer.durationMs),
    speedText(transfer.bytesPerSecond),
  ])
  return tableText(pastTransferColumns, rows, (title) => style('bold', title))
}

function fileText({
  name,
  folder,
  sha256,
  count,
}: Pick<PastTransfer, 'name' | 'folder' | 'sha256' | 'count'>): string {
  if (count > 1) {
    const place = folder === undefined ? '' : ` in ${printable(folder)}/`
    return `${countText(count, 'file')}${place}`
  }
  return printable(name ?? sha256?.slice(0, 12) ?? '-')
}

function fromText({ from }: PastTransfer): string {
  if (from.length <= 1) return printable(from[0]?.peerId ?? '-')
  return from.map(({ peerId, bytes }) => `${printable(peerId)} (${bytesText(bytes)})`).join(', ')
}

const queryColumns = [
  { title: 'TIME' },
  { title: 'PEER' },
  { title: 'BY' },
  { title: 'QUERY' },
  { title: 'ANSWER' },
  { title: 'TOOK', align: 'right' },
] as const

function pastQueriesText(queries: readonly PastQuery[], style: Style): string {
  if (queries.length === 0) return 'No queries.'
  const rows = queries.map((query) => [
    localText(query.timeMs),
    printable(query.at),
    query.origin === undefined || query.origin === query.at ? query.by : printable(query.origin),
    query.count > 1
      ? `${query.count} more of ${query.kind}`
      : `${query.kind} ${printable(query.what)}`,
    answerText(query),
    tookText(query.durationMs),
  ])
  return tableText(queryColumns, rows, (title) => style('bold', title))
}

function answerText({ error, sha256, addresses = [], found }: PastQuery): string {
  if (error !== undefined) return printable(error)
  if (sha256 !== undefined)
    return `${sha256.slice(0, 12)} at ${addresses.map((address) => printable(address)).join(', ')}`
  return found === undefined ? '-' : String(found)
}

const bars = '▁▂▃▄▅▆▇█'
/** Characters of a line of bars. */
const barsMax = 60

function seriesText({ samples }: Series): string {
  if (samples.length === 0) return 'No samples yet: one is taken every ten seconds.'
  const line = (
    title: string,
    values: readonly number[],
    text: (value: number) => string,
  ): string => `${title.padEnd(16)} ${barsOf(values)}  now ${text(values.at(-1) ?? 0)}`
  const known = samples.filter(({ atFactor }) => atFactor !== undefined)
  return [
    line(
      'sent',
      samples.map((sample) => sample.uploadBytesPerSecond),
      speedText,
    ),
    line(
      'received',
      samples.map((sample) => sample.downloadBytesPerSecond),
      speedText,
    ),
    line(
      'lookups',
      samples.map((sample) => sample.lookupsPerSecond),
      (value) => `${value}/s`,
    ),
    line(
      'lookup p99',
      samples.map(({ p99Ms = 0 }) => p99Ms),
      tookText,
    ),
    line(
      'below factor',
      known.map(({ belowFactor = 0 }) => belowFactor),
      String,
    ),
    line(
      'without copies',
      known.map(({ withoutCopies = 0 }) => withoutCopies),
      String,
    ),
  ].join('\n')
}

/** The largest value of each part of the time, relative to the largest of all. */
function barsOf(values: readonly number[]): string {
  const step = Math.max(1, Math.ceil(values.length / barsMax))
  const parts = Array.from({ length: Math.ceil(values.length / step) }, (_, index) =>
    Math.max(...values.slice(index * step, (index + 1) * step)),
  )
  const most = Math.max(...parts, 0)
  const bar = (value: number): string =>
    bars[most === 0 ? 0 : Math.round((value / most) * (bars.length - 1))] ?? ''
  return parts.map(bar).join('')
}

function tookText(ms: number): string {
  return ms < 10_000 ? `${Math.round(ms * 10) / 10} ms` : durationText(ms / 1_000)
}
