/**
 * The text output of the commands: pure functions. Text from other machines passes {@link printable}.
 */
import { httpUrl } from '../../common/http-url.ts'
import { formatAddress } from '../../common/protocol/transport.ts'
import type { Peers } from '../api/cluster-shapes.ts'
import type { Download, Downloaded, DownloadedFiles } from '../api/download-shapes.ts'
import type { ListedFile, Lookup, Pushed, SearchPage, Versions, Why } from '../api/file-shapes.ts'
import type { Problem, Problems } from '../api/problem-shapes.ts'
import type { Stats, Summary } from '../api/status-shapes.ts'
import type { ListKind } from '../api/words.ts'
import { faultEffect } from '../problem-table.ts'
import { bytesText, countText, durationText, speedText } from './human-units.ts'
import { noteLines } from './peer-notes.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'
import { tableText } from './table.ts'

/** Enough of a SHA-256 to distinguish contents. */
function shortHash(sha256: string): string {
  return sha256.slice(0, 12)
}

export function lookupText({ name, files }: Lookup): string {
  const lines = [`Peers serving '${printable(name)}':`]
  const isOneVersion = files.length === 1
  for (const { sha256, size, sources } of files) {
    const indent = isOneVersion ? '  ' : '    '
    if (!isOneVersion) lines.push(`  ${shortHash(sha256)} (${bytesText(size)}):`)
    if (sources.length === 0) lines.push(`${indent}(none is reachable)`)
    for (const source of sources) lines.push(`${indent}- ${sourceText(source)}`)
  }
  if (!isOneVersion)
    lines.push(
      'The name has several versions: `download` fetches the first, or the one given by --sha256.',
    )
  return lines.join('\n')
}

function sourceText(source: Lookup['files'][number]['sources'][number]): string {
  const text = `${printable(source.peerId)} @ ${printable(formatAddress(source))}`
  return source.kind === 'program' ? `${text} (a program)` : text
}

const searchColumns = [
  { title: 'NAME' },
  { title: 'SIZE', align: 'right' },
  { title: 'COPIES', align: 'right' },
  { title: 'SHA-256' },
] as const

/** @param isMore whether rows were omitted */
export function searchText(files: SearchPage['files'], isMore: boolean, style: Style): string {
  if (files.length === 0) return 'No matching files.'
  const rows = files.map(({ name, size, copies, sha256 }) => [
    printable(name),
    bytesText(size),
    String(copies),
    shortHash(sha256),
  ])
  const table = tableText(searchColumns, rows, (title) => style('bold', title))
  return isMore ? `${table}\n… and more: use --limit N to show them.` : table
}

const kindTitles = {
  shared: 'Local',
  downloaded: 'Downloaded',
  replicated: 'Replicated',
  remote: 'Remote',
} as const

/** @param isMore whether rows were omitted at the end */
export function listText(kind: ListKind, files: readonly ListedFile[], isMore: boolean): string {
  const kinds =
    kind === 'both' ? (['shared', 'downloaded', 'replicated', 'remote'] as const) : [kind]
  const sections = kinds.map((each) => ({ each, rows: files.filter((file) => file.kind === each) }))
  const shown = kind === 'both' ? sections.filter(({ rows }) => rows.length > 0) : sections
  if (shown.length === 0) return 'No files. Put some into shared/, or push one.'
  const lastKind = isMore ? files.at(-1)?.kind : undefined
  const lines = shown.flatMap(({ each, rows }) => [
    `${kindTitles[each]} files (${each === lastKind ? `the first ${rows.length}` : rows.length}):`,
    ...rows.map(({ name, size }) => `  - ${printable(name)} (${countText(size, 'byte')})`),
  ])
  if (isMore) lines.push('… and more: use --limit N to show them.')
  return lines.join('\n')
}

/** The two lines about a finished download. */
export function downloadLines(downloaded: Downloaded, shownPath: string): [string, string] {
  const { name, bytes, reusedBytes, seconds, sources } = downloaded
  const from = sources.map((source) => printable(formatAddress(source))).join(', ')
  const speed = seconds > 0 ? `, ${speedText(bytes / seconds)}` : ''
  const reused = reusedBytes > 0 ? `; ${bytesText(reusedBytes)} reused from other files here` : ''
  return [
    `Downloaded '${printable(name)}' from ${from || 'a local copy'} -> ${printable(shownPath)}`,
    `(${countText(bytes, 'byte')} in ${seconds.toFixed(2)}s${speed}${reused})`,
  ]
}

/** The lines about a finished download of many files, with the first failures. */
export function filesLines({ name, bytes }: Download, files: DownloadedFiles): string[] {
  const { total, done, failed, failures, folder, seconds } = files
  const more = failed - failures.length
  return [
    `Downloaded ${done} of ${countText(total, 'file')} of '${printable(name)}' -> ${printable(folder)}`,
    `(${countText(bytes, 'byte')} in ${seconds.toFixed(2)}s, ${Math.round(done / Math.max(seconds, 0.001))} files/s)`,
    ...failures.map(
      (failure) => `  ! ${printable(failure.name)}: ${printable(failure.error.message)}`,
    ),
    ...(more > 0 ? [`  ! … and ${more} more`] : []),
  ]
}

const downloadColumns = [
  { title: 'ID' },
  { title: 'NAME' },
  { title: 'STATE' },
  { title: 'DONE', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'SPEED', align: 'right' },
  { title: 'REASON' },
] as const
const downloadColours = {
  waiting: 'dim',
  running: 'bold',
  paused: 'yellow',
  done: 'green',
  failed: 'red',
} as const

export function downloadsText(downloads: readonly Download[], style: Style): string {
  if (downloads.length === 0) return 'No downloads.'
  const rows = downloads.map(({ id, name, state, bytes, size, ...download }) => [
    id,
    printable(name) + (download.files ? ` (${download.files.total} files)` : ''),
    style(downloadColours[state], state),
    size === 0 ? '-' : `${Math.floor((100 * bytes) / size)} %`,
    bytesText(size),
    state === 'running' ? speedText(download.bytesPerSecond) : '-',
    printable(download.error?.message ?? download.waitingFor ?? download.startedBy ?? '-'),
  ])
  return tableText(downloadColumns, rows, (title) => style('bold', title))
}

export function pushedText({ name, size, sha256, copies }: Pushed): string {
  const kept = copies > 0 ? `, ${countText(copies, 'copy', 'copies')}` : ''
  return `Pushed '${printable(name)}' (${countText(size, 'byte')}, SHA-256 ${sha256}${kept})`
}

const peerColumns = [
  { title: 'PEER' },
  { title: 'ADDRESS' },
  { title: 'HTTP' },
  { title: 'STATE' },
  { title: 'ZONE' },
  { title: 'COPIES', align: 'right' },
  { title: 'SIZE', align: 'right' },
  { title: 'FREE', align: 'right' },
  { title: 'LAST HEARD' },
] as const
/** Shown if some peer limits it. */
const givesColumn = { title: 'GIVES', align: 'right' } as const
/** Shown if some peer sends or receives. */
const loadColumns = [
  { title: 'SENDS', align: 'right' },
  { title: 'RECEIVES', align: 'right' },
] as const
const stateColours = {
  live: 'green',
  suspect: 'yellow',
  unreachable: 'red',
  dead: 'red',
} as const

export function peersText(peers: Peers, style: Style): string {
  if (peers.length === 0) return 'The index knows no peer.'
  const isLimited = peers.some(({ capacityBytes }) => capacityBytes !== undefined)
  const isBusy = peers.some(
    ({ uploadBytesPerSecond = 0, downloadBytesPerSecond = 0 }) =>
      uploadBytesPerSecond + downloadBytesPerSecond > 0,
  )
  const rows = peers.map((peer) => [
    printable(peer.peerId),
    printable(formatAddress(peer)),
    peer.http === undefined ? '-' : printable(httpText(peer.http)),
    peerStateText(peer, style),
    printable(peer.zone ?? '-'),
    String(peer.copies),
    bytesText(peer.bytes),
    bytesText(peer.freeBytes),
    ...(isLimited ? [givesText(peer)] : []),
    ...(isBusy ? [rateText(peer.uploadBytesPerSecond), rateText(peer.downloadBytesPerSecond)] : []),
    peer.silentMs < 1000 ? 'now' : `${durationText(Math.floor(peer.silentMs / 1000))} ago`,
  ])
  const columns = [
    ...peerColumns.slice(0, -1),
    ...(isLimited ? [givesColumn] : []),
    ...(isBusy ? loadColumns : []),
    ...peerColumns.slice(-1),
  ]
  const table = tableText(columns, rows, (title) => style('bold', title))
  return [table, ...peers.flatMap((peer) => noteLines(peer, style))].join('\n')
}

function peerStateText({ state, draining, maintenance }: Peers[number], style: Style): string {
  const isDrained = draining?.progress?.lackingFiles === 0
  if (state === 'live' && draining !== undefined)
    return style('yellow', isDrained ? 'drained' : 'draining')
  if (state !== 'live' && maintenance !== undefined) return style('yellow', 'maintenance')
  return style(stateColours[state], state)
}

function rateText(bytesPerSecond = 0): string {
  return bytesPerSecond === 0 ? '-' : speedText(bytesPerSecond)
}

/** What a peer gives to the cluster, and what of that is used. */
function givesText({ capacityBytes, replicaBytes = 0 }: Peers[number]): string {
  if (capacityBytes === undefined) return 'all'
  return `${bytesText(capacityBytes)}, ${percentText(replicaBytes, capacityBytes)} used`
}

function percentText(part: number, whole: number): string {
  return `${Math.round((100 * part) / Math.max(1, whole))} %`
}

export function statsText(stats: Stats): string {
  return [
    'Performance stats:',
    `  Search time: ${summaryText(stats.searchSeconds, (value) => `${value.toFixed(4)}s`)}`,
    `  Download speed (B/s): ${summaryText(stats.downloadBytesPerSecond, (value) => value.toFixed(1))}`,
    `  Throughput: ${stats.throughputBytesPerSecond.toFixed(1)} B/s`,
  ].join('\n')
}

function summaryText(summary: Summary, show: (value: number) => string): string {
  if (summary.count === 0) return 'none measured yet'
  return (['mean', 'stdev', 'min', 'max'] as const)
    .map((key) => `${key}=${show(summary[key])}`)
    .join(' ')
}

export function whyText(why: Why, style: Style): string {
  const { name, contents, problems = [], replacedVersions = 0 } = why
  const kept = `${countText(replacedVersions, 'replaced version')} kept: \`versions\` lists them`
  return [
    ...problems.flatMap((problem) => problemLines(problem, style)),
    ...contents.map((content) => explainedText(name, content, style)),
    ...(replacedVersions > 0 ? [kept] : []),
  ].join('\n')
}

const versionColumns = [
  { title: 'SHA-256' },
  { title: 'SIZE', align: 'right' },
  { title: 'MODIFIED' },
  { title: 'OWNER' },
  { title: 'STATE' },
  { title: 'COPIES', align: 'right' },
  { title: 'KEPT UNTIL' },
] as const

export function versionsText({ versions }: Versions, style: Style): string {
  const rows = versions.map(({ sha256, size, modifiedMs, owner, state, copies, keptUntilMs }) => [
    sha256,
    bytesText(size),
    new Date(modifiedMs).toISOString(),
    printable(owner),
    style(state === 'current' ? 'green' : 'yellow', state),
    String(copies),
    keptText(state, keptUntilMs),
  ])
  return tableText(versionColumns, rows, (title) => style('bold', title))
}

function keptText(state: 'current' | 'replaced', keptUntilMs: number | undefined): string {
  if (state === 'current') return '-'
  if (keptUntilMs === undefined) return 'the current version has its copies'
  return new Date(keptUntilMs).toISOString()
}

export function problemsText({ total, problems }: Problems, style: Style): string {
  if (total === 0) return 'No problems: everything in the folders of this peer is shared.'
  const more = total - problems.length
  return [
    ...problems.flatMap((problem) => problemLines(problem, style)),
    ...(more > 0 ? [`… and ${more} more`] : []),
  ].join('\n')
}

function problemLines({ folder, name, code, reason, remedy }: Problem, style: Style): string[] {
  const path = name === '' ? folder : `${folder}/${name}`
  return [
    style('yellow', `'${printable(path)}' ${faultEffect(code)}: ${printable(reason)}.`),
    `  ${printable(remedy)}`,
  ]
}

function explainedText(name: string, content: Why['contents'][number], style: Style): string {
  const { sha256, size, factor, wanted, copies, missing, moving, surplus } = content
  const good = copies.filter(
    ({ state, damaged, unproven }) => state === 'live' && damaged !== true && unproven !== true,
  )
  const live = new Set(good.map(({ peerId }) => peerId))
  const wish = wanted ? `${factor} wanted` : 'no longer shared, so no copies are added'
  return [
    `'${printable(name)}' ${shortHash(sha256)} (${bytesText(size)}): on ${countText(live.size, 'live peer')}, ${wish}`,
    ...copies.map((copy) => {
      const alias = copy.name === name ? '' : ` as '${printable(copy.name)}'`
      const fault = faultOf(copy)
      const suffix = fault === undefined ? '' : style('red', `, ${fault}`)
      return `  - ${printable(copy.peerId)}, ${copy.kind}${alias} (${style(stateColours[copy.state], copy.state)})${suffix}`
    }),
    ...missing.map((reason) => style('yellow', `  ! ${printable(reason)}`)),
    ...(surplus === undefined ? [] : [`  + ${printable(surplus)}`]),
    ...(moving === undefined ? [] : [`  > ${printable(moving)}`]),
  ].join('\n')
}

/** Why a copy is none. */
function faultOf({
  damaged,
  unproven,
}: Why['contents'][number]['copies'][number]): string | undefined {
  if (damaged === true) return 'damaged: its bytes have changed'
  return unproven === true ? 'not proven: it does not count' : undefined
}

/** The address of a peer's HTTP server; as a URL if that is the only way to see that it speaks HTTPS. */
function httpText(http: NonNullable<Peers[number]['http']>): string {
  return http.isSecure === true ? httpUrl(http) : formatAddress(http)
}
