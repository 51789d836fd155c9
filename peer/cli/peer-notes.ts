import type { PeerNotes } from '../../common/protocol/messages.ts'
import { durationText } from './human-units.ts'
import { printable } from './printable.ts'
import type { Style } from './style.ts'

/** What sets a peer apart, a line each. */
export function noteLines({ peerId, flapping }: PeerNotes, style: Style): string[] {
  const name = printable(peerId)
  if (flapping === undefined) return []
  const { breaks, leftMs } = flapping
  const left = durationText(leftMs / 1_000)
  const sentence = `${name} came and went ${breaks} times recently: it is given new copies when it has stayed for another ${left}`
  return [style('yellow', `Flapping:  ${sentence}`)]
}
