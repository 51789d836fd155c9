import type { CallReply } from '../../../api/calls.ts'
import { bytesText, countText } from '../format/units.ts'
import type { Tone } from './cluster-text.ts'

export type Safety = CallReply<'peerSafety'>

/** What the cluster would lose if a peer stopped now. */
export function safetyText({ peerId, held, alone, lacking }: Safety): { tone: Tone; text: string } {
  if (alone.files > 0) {
    const files = countText(alone.files, 'file has', 'files have')
    const text = `Do not stop ${peerId}: ${files} no other live copy (${bytesText(alone.bytes)}), such as ${firstOf(alone)}.`
    return { tone: 'bad', text }
  }
  if (lacking.files > 0) {
    const files = countText(lacking.files, 'file', 'files')
    const text = `Nothing is lost without ${peerId}, but ${files} would have too few copies (${bytesText(lacking.bytes)}).`
    return { tone: 'warn', text }
  }
  const text =
    held.files === 0
      ? `${peerId} is safe to stop: it holds no files that are needed.`
      : `${peerId} is safe to stop: other peers have all copies of its ${countText(held.files, 'file')}.`
  return { tone: 'ok', text }
}

function firstOf({ names }: { readonly names: readonly string[] }): string {
  return names[0] ?? 'some'
}
