import type { PeerNotes } from '../../common/protocol/messages.ts'
import type { Safety } from '../api/cluster-shapes.ts'
import { bytesText, countText, durationText } from './human-units.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'

/** What sets a peer apart, a line each. */
export function noteLines(
  { peerId, draining, maintenance, unproven, flapping }: PeerNotes,
  style: Style,
): string[] {
  const peer = printable(peerId)
  const lines: string[] = []
  if (draining !== undefined) lines.push(drainingLine(peer, draining, style))
  if (maintenance !== undefined) {
    const left = durationText(maintenance.leftMs / 1_000)
    const sentence = `${peer} may be away for another ${left}; \`maintenance ${peer} --end\` ends it`
    lines.push(style('yellow', `Away:      ${sentence}`))
  }
  if (unproven !== undefined) {
    const { copies, isDistrusted } = unproven
    const effect = isDistrusted
      ? 'none of its copies counts, and it receives no new ones'
      : 'not counted until it does'
    const sentence = `${peer} has not proven that it has ${countText(copies, 'copy', 'copies')}: ${effect}`
    lines.push(style('red', `Unproven:  ${sentence}`))
  }
  if (flapping !== undefined) {
    const { breaks, leftMs } = flapping
    const left = durationText(leftMs / 1_000)
    const sentence = `${peer} disconnected ${breaks} times recently: it receives new copies after staying for another ${left}`
    lines.push(style('yellow', `Flapping:  ${sentence}`))
  }
  return lines
}

/** Continues a sentence about files that lack copies. */
export function unplaceableText(unplaceable: Safety['unplaceable']): string {
  if (unplaceable === undefined) return ''
  const { files, name, why } = unplaceable
  return `; no peer can take ${files} of them now, such as '${printable(name)}': ${printable(why)}`
}

function drainingLine(
  peer: string,
  { progress }: NonNullable<PeerNotes['draining']>,
  style: Style,
): string {
  if (progress === undefined) return style('yellow', `Draining:  ${peer}: counting its files`)
  const { files, lackingFiles, lackingBytes, leftMs, unplaceable } = progress
  if (lackingFiles === 0)
    return style(
      'green',
      `Drained:   ${peer}: all of its files have their copies elsewhere, it is safe to stop it`,
    )
  const left = leftMs === undefined ? '' : `, about ${durationText(leftMs / 1_000)} left`
  const lacking = `${lackingFiles} of ${countText(files, 'file')} (${bytesText(lackingBytes)})`
  return style(
    'yellow',
    `Draining:  ${peer}: ${lacking} still lack copies on other live peers${left}${unplaceableText(unplaceable)}`,
  )
}
