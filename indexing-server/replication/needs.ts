import type { Holder, StoredContent } from '../store/store.ts'

/**
 * Order of work: a content's last copy, then copies that replace those of a draining peer, then other
 * missing copies, then dropping copies that are not wanted, then trimming those beyond the factor,
 * then copies for replicas that move.
 */
export const urgencies = ['last-copy', 'draining', 'copies', 'drop', 'trim', 'move'] as const
export type Urgency = (typeof urgencies)[number]
export type CopyUrgency = Exclude<Urgency, 'drop' | 'trim'>

export type Need =
  /** Nothing to do. */
  | { readonly kind: 'none' }
  /** Wanted, but every copy is lost: only the return of a peer helps. */
  | { readonly kind: 'lost' }
  /** Wanted, with too few copies; or, with the urgency `move`, one that is to replace another. */
  | { readonly kind: 'copies'; readonly lacking: number; readonly urgency: CopyUrgency }
  /**
   * No longer wanted, but held on request by a peer that is not lost: those copies may be dropped.
   */
  | { readonly kind: 'drop'; readonly urgency: Urgency }
  /** Wanted, with `extra` replicas beyond the factor on peers that are not lost. */
  | { readonly kind: 'surplus'; readonly extra: number; readonly urgency: Urgency }

/** How the copies of a peer count: those of a draining one are sources, but do not count. */
export type Standing = 'counted' | 'draining' | 'lost'

/**
 * What a content needs to have as many copies as it should. Copies of any kind count, on peers
 * that are neither lost nor draining, unless they are in doubt. Without any other, a copy is tried to be
 * made from one that its peer has not proven: the fetch verifies it.
 * @param extraReplicas the number of replicas on those peers that are beyond the factor; called only
 *   if there may be any
 */
export function needOf(
  content: Pick<StoredContent, 'holders' | 'file' | 'factor'>,
  standingOf: (peerId: string) => Standing,
  extraReplicas: () => number,
): Need {
  const { holders, file, factor } = content
  if (file === undefined) {
    // A lost peer cannot drop anything: its contents are judged again when it returns.
    const isKept = holders.some(
      ({ kind, peerId }) => kind === 'replicated' && standingOf(peerId) !== 'lost',
    )
    return isKept ? { kind: 'drop', urgency: 'drop' } : { kind: 'none' }
  }
  const sound = holders.filter(({ isDoubted }) => isDoubted !== true)
  const counted = sound.filter(({ peerId }) => standingOf(peerId) === 'counted')
  const draining = sound.filter(({ peerId }) => standingOf(peerId) === 'draining')
  const copies = new Set(counted.map(({ peerId }) => peerId)).size
  if (copies >= factor) {
    const extra = counted.length > factor ? extraReplicas() : 0
    return extra > 0 ? { kind: 'surplus', extra, urgency: 'trim' } : { kind: 'none' }
  }
  const available = copies + new Set(draining.map(({ peerId }) => peerId)).size
  const isSource = ({ isUnproven, peerId }: Holder): boolean =>
    isUnproven === true && standingOf(peerId) !== 'lost'
  if (available === 0)
    return holders.some(isSource)
      ? { kind: 'copies', lacking: factor, urgency: 'last-copy' }
      : { kind: 'lost' }
  return { kind: 'copies', lacking: factor - copies, urgency: urgencyOf(copies, available) }
}

/** @param available copies, with those on draining peers */
function urgencyOf(copies: number, available: number): CopyUrgency {
  if (available === 1) return 'last-copy'
  return available > copies ? 'draining' : 'copies'
}
