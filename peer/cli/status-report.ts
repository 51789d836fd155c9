/** The text of `status`: pure. */
import type { Status } from '../api/status-shapes.ts'
import { keptFolderLines } from './deletes-command.ts'
import { bytesText, countText, durationText } from './human-units.ts'
import { countsText } from './mesh-report.ts'
import { noteLines } from './peer-notes.ts'
import { placeLines } from './place-report.ts'
import { printable } from './printable.ts'
import { repairLines } from './repair-report.ts'
import type { Style } from './style.ts'

export function statusText(status: Status, style: Style): string {
  const { peers, contents, atFactor, belowFactor, tasks, paused, brake, degraded, peer } = status
  const { aboveFactor = 0 } = status
  const lacking = `${belowFactor} lacking copies`
  const lines = [
    `Peers:     ${peers.live} live, ${peers.suspect} suspect${unreachableText(peers)}, ${peers.dead} dead`,
    `Contents:  ${contents}: ${atFactor} with all their copies, ${belowFactor > 0 ? style('yellow', lacking) : lacking}`,
    `Tasks:     ${tasks.running} running, ${tasks.waiting} waiting`,
  ]
  const insecure = insecureText(status)
  if (insecure !== undefined) lines.unshift(style('red', insecure))
  if (peer.indexAway !== undefined) lines.unshift(style('yellow', awayText(peer.indexAway)))
  if (peer.mesh !== undefined) lines.push(`Mesh:      ${countsText(peer.mesh)}`)
  lines.push(...repairLines(status, style))
  if (status.trash !== undefined)
    lines.push(
      `Deleted:   ${countText(status.trash.files, 'file')} (${bytesText(status.trash.bytes)}) that \`restore\` can restore: \`trash\` lists them`,
    )
  if (aboveFactor > 0)
    lines.push(
      `Trimming:  ${countText(aboveFactor, 'content')} with more copies than needed: \`why\` says what dropping them waits for`,
    )
  const { wantMorePeers = 0 } = status
  if (wantMorePeers > 0)
    lines.push(
      style(
        'yellow',
        `Too few:   ${countText(wantMorePeers, 'content')} should have more copies than there are peers to keep them`,
      ),
    )
  if (status.unproven !== undefined) lines.push(style('red', unprovenText(status.unproven)))
  lines.push(...placeLines(status, style))
  lines.push(...peerLines(peer, style))
  if (paused !== undefined) {
    const since =
      brake === undefined
        ? ''
        : ` (for ${durationText(brake.forMs / 1_000)}); \`replication resume\` ends it`
    lines.push(style('yellow', `Paused:    ${printable(paused)}${since}`))
  }
  for (const notes of status.peerNotes ?? []) lines.push(...noteLines(notes, style))
  if (degraded !== undefined)
    lines.push(
      style('red', `Index:     answers, but cannot record changes: ${printable(degraded)}`),
    )
  return lines.join('\n')
}

/** What the peer that answers says of itself. */
function peerLines(peer: Status['peer'], style: Style): string[] {
  const lines: string[] = []
  if (peer.unreachable !== undefined) {
    const { address, reason, remedy } = peer.unreachable
    const cause = `the index cannot connect to ${printable(address)} (${printable(reason)})`
    const effect = `Its copies do not count: ${remedy}.`
    lines.push(style('red', `Reachable: no, ${cause}. ${effect}`))
  }
  if (peer.problems > 0)
    lines.push(
      style(
        'yellow',
        `Problems:  ${countText(peer.problems, 'file')} of ${printable(peer.peerId)} not shared or damaged: \`problems\` lists them`,
      ),
    )
  if (peer.following !== undefined) {
    const { failed, reason } = peer.following
    const what = `${countText(failed, 'file')} could not be fetched (${printable(reason)})`
    lines.push(style('yellow', `Following: ${what}: \`follow\` shows the patterns`))
  }
  lines.push(...keptFolderLines(peer, style))
  const { watchProblem, scannedMsAgo, ignored } = peer.view
  if (ignored > 0)
    lines.push(`Ignored:   ${countText(ignored, 'file or folder', 'files and folders')} in shared/`)
  if (watchProblem !== undefined) {
    const age = durationText(scannedMsAgo / 1_000)
    lines.push(
      style('yellow', `Watching:  ${printable(watchProblem)}; the last full scan began ${age} ago`),
    )
  }
  return lines
}

/** Which processes other machines reach without TLS. */
function insecureText({ isInsecure, peer }: Status): string | undefined {
  const exposed = [
    ...(isInsecure === true ? ['the index'] : []),
    ...(peer.isInsecure === true ? [printable(peer.peerId)] : []),
  ]
  if (exposed.length === 0) return undefined
  return `Insecure:  every machine that reaches ${exposed.join(' or ')} can read, change and delete files: \`cluster init\` and \`peer --join\` secure the cluster`
}

function unprovenText({ copies, peers }: NonNullable<Status['unproven']>): string {
  const what = `${countText(copies, 'copy', 'copies')} of ${countText(peers, 'peer')}`
  return `Unproven:  ${what}, not counted until proven: \`events --security\` lists them`
}

/** Who answers while the index is away. */
function awayText({ address, awayMs, isActing }: NonNullable<Status['peer']['indexAway']>): string {
  const index = printable(address)
  if (awayMs === 0) return `Index:     ${index} is back, and will answer again in a moment`
  const copies = isActing
    ? 'and the peers maintain the copies of files'
    : 'and no copies are made yet'
  return `Index:     ${index} has been away for ${durationText(awayMs / 1_000)}: this peer answers from what it knows of other peers, ${copies}`
}

function unreachableText({ unreachable = 0 }: Status['peers']): string {
  return unreachable > 0 ? `, ${unreachable} unreachable` : ''
}
