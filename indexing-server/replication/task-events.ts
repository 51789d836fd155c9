/** What is recorded about tasks: pure. */
import type { PeerState } from '../../common/protocol/messages.ts'
import type { NewEvent } from '../events/event.ts'
import type { StoredContent } from '../store/store.ts'
import type { Move } from './moves.ts'
import type { RunningTask, TaskCause } from './running-tasks.ts'

/** Lost holders named as a reason; others are counted. */
const holdersNamed = 2

/**
 * Why a content is copied: copies that it had are lost, or it is new.
 * @param peerOf the holders as the index knows them
 */
export function copyCause(
  { holders, size: bytes }: Pick<StoredContent, 'holders' | 'size'>,
  peerOf: (peerId: string) => { readonly state: PeerState; readonly isLost: boolean } | undefined,
): TaskCause {
  const idsOf = (isMeant: (holder: (typeof holders)[number]) => boolean): string[] =>
    [...new Set(holders.filter(isMeant).map(({ peerId }) => peerId))].toSorted()
  const lost = idsOf(({ peerId }) => peerOf(peerId)?.isLost ?? true)
  const [first = ''] = lost
  if (lost.length > 0) {
    const state = peerOf(first)?.state === 'unreachable' ? 'unreachable' : 'dead'
    const reason = `${listed(lost)} ${lost.length === 1 ? 'is' : 'are'} ${state}`
    return { kind: 'healed', bytes, reason }
  }
  const doubted = idsOf(({ isDoubted }) => isDoubted === true)
  if (doubted.length === 0) return { kind: 'copied', bytes }
  return { kind: 'healed', bytes, reason: `the copy of ${listed(doubted)} is damaged or in doubt` }
}

/** Why a copy is made that will replace another. */
export function moveCause({ from, reason, sizeBytes: bytes }: Move): TaskCause {
  const why = reason === 'zone' ? `${from} to another zone` : `${from}, which is fuller`
  return { kind: 'copied', bytes, reason: `moves from ${why}` }
}

/** Why a replica is dropped after a move, if it is. */
export function movedTo(move: Move | undefined): { readonly reason?: string } {
  return move === undefined ? {} : { reason: `moved to ${move.to}` }
}

function listed(peerIds: readonly string[]): string {
  const more = peerIds.length - holdersNamed
  if (more <= 0) return peerIds.join(' and ')
  return `${peerIds.slice(0, holdersNamed).join(', ')} and ${more} more`
}

/** The event of a task that has ended well. */
export function doneEvent({ cause, ...running }: RunningTask, nowMs: number): NewEvent {
  return { ...eventOf(running, nowMs), ...cause }
}

/** The event of a failed task; similar failures have the same `code`. */
export function failedEvent(
  { cause, ...running }: RunningTask,
  { code, reason }: { readonly code: string; readonly reason?: string | undefined },
  nowMs: number,
): NewEvent {
  return {
    ...eventOf(running, nowMs),
    kind: running.task.kind === 'replicate' ? 'copy-failed' : 'drop-failed',
    bytes: cause.bytes,
    reason: reason === undefined ? code : `${code}: ${reason}`,
  }
}

function eventOf(
  { target, task, startedMs }: Omit<RunningTask, 'cause'>,
  nowMs: number,
): Omit<NewEvent, 'kind'> {
  const durationMs = nowMs - startedMs
  const { name } = task
  if (task.kind === 'drop') return { peerId: target, name, sha256: task.sha256, durationMs }
  const [source] = task.sources
  const { sha256 } = task.content
  return { peerId: target, otherPeerId: source?.peerId, name, sha256, durationMs }
}
