import type { StoredContent } from '../store/store.ts'

/** What is worked on first: a content's last copy, then other lacking copies, then tidying up. */
export const urgencies = ['last-copy', 'copies', 'drop'] as const
export type Urgency = (typeof urgencies)[number]

export type Need =
  /** As it should be. */
  | { readonly kind: 'none' }
  /** Wanted, but every copy is lost: only the return of a peer helps. */
  | { readonly kind: 'lost' }
  /** Wanted, with too few copies. */
  | { readonly kind: 'copies'; readonly lacking: number; readonly urgency: Urgency }
  /** Not wanted any more, but kept by request on a peer that is not lost: copies may be dropped. */
  | { readonly kind: 'drop'; readonly urgency: Urgency }

type Holdings = Pick<StoredContent, 'holders' | 'file'>

/** What a content needs when it should have `factor` copies. Any kind of copy on a peer that is not lost counts, unless it is in doubt. */
export function needOf(
  { holders, file }: Holdings,
  factor: number,
  isLost: (peerId: string) => boolean,
): Need {
  if (file === undefined) {
    // A lost peer cannot drop anything: its contents are judged again when it returns.
    const isKept = holders.some(({ kind, peerId }) => kind === 'replicated' && !isLost(peerId))
    return isKept ? { kind: 'drop', urgency: 'drop' } : { kind: 'none' }
  }
  const copies = new Set(
    holders
      .filter(({ peerId, isDoubted }) => isDoubted !== true && !isLost(peerId))
      .map(({ peerId }) => peerId),
  ).size
  if (copies >= factor) return { kind: 'none' }
  if (copies === 0) return { kind: 'lost' }
  const urgency = copies === 1 ? 'last-copy' : 'copies'
  return { kind: 'copies', lacking: factor - copies, urgency }
}
