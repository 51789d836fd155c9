import type { StoredContent } from '../store/store.ts'
import type { Need } from './needs.ts'
import type { QueuePlace } from './queue.ts'

/** Whether the announcement that the content waited for has arrived, while it needs more copies. */
export function isConfirmed(
  place: QueuePlace | undefined,
  { holders }: StoredContent,
  { kind }: Need,
): boolean {
  if (place?.state !== 'delayed' || place.reason !== 'confirming') return false
  const held = holders.filter(({ peerId }) => peerId === place.awaited)
  const isDrop = kind === 'drop' || kind === 'surplus'
  return isDrop ? held.every((copy) => copy.kind !== 'replicated') : held.length > 0
}
