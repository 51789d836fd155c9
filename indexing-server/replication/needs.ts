import type { StoredContent } from '../store/store.ts'

/**
 * Order of work: a content's last copy, then other missing copies, then dropping copies that are not
 * wanted, then trimming those beyond the factor.
 */
export const urgencies = ['last-copy', 'copies', 'drop', 'trim'] as const
export type Urgency = (typeof urgencies)[number]

export type Need =
  /** Nothing to do. */
  | { readonly kind: 'none' }
  /** Wanted, but every copy is lost: only the return of a peer helps. */
  | { readonly kind: 'lost' }
  /** Wanted, with too few copies. */
  | { readonly kind: 'copies'; readonly lacking: number; readonly urgency: Urgency }
  /**
   * No longer wanted, but held on request by a peer that is not lost: those copies may be dropped.
   */
  | { readonly kind: 'drop'; readonly urgency: Urgency }
  /** Wanted, with `extra` replicas beyond the factor on peers that are not lost. */
  | { readonly kind: 'surplus'; readonly extra: number; readonly urgency: Urgency }

/**
 * What a content needs to have `factor` copies. Copies of any kind count, on peers that are not
 * lost, unless they are in doubt.
 * @param extraReplicas the number of replicas on those peers that are beyond the factor; called only
 *   if there may be any
 */
export function needOf(
  content: Pick<StoredContent, 'holders' | 'file'>,
  factor: number,
  isLost: (peerId: string) => boolean,
  extraReplicas: () => number,
): Need {
  const { holders, file } = content
  if (file === undefined) {
    // A lost peer cannot drop anything: its contents are judged again when it returns.
    const isKept = holders.some(({ kind, peerId }) => kind === 'replicated' && !isLost(peerId))
    return isKept ? { kind: 'drop', urgency: 'drop' } : { kind: 'none' }
  }
  const counted = holders.filter(({ peerId, isDoubted }) => isDoubted !== true && !isLost(peerId))
  const copies = new Set(counted.map(({ peerId }) => peerId)).size
  if (copies >= factor) {
    const extra = counted.length > factor ? extraReplicas() : 0
    return extra > 0 ? { kind: 'surplus', extra, urgency: 'trim' } : { kind: 'none' }
  }
  if (copies === 0) return { kind: 'lost' }
  const urgency = copies === 1 ? 'last-copy' : 'copies'
  return { kind: 'copies', lacking: factor - copies, urgency }
}
