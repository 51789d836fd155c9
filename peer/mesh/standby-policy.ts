/** An index that cannot be reached for this long is away: the peer's own answers for it. */
export const awayAfterMs = 5_000
/**
 * An index that is back is asked when all members reach it again and have told it what changed, at the
 * latest after this.
 */
const settleMs = 5_000

/** What a peer sees of the index of its cluster. */
export interface IndexSigns {
  /** On the monotonic clock. */
  readonly nowMs: number
  /** Time without a connection to it; 0 while there is one. */
  readonly awayMs: number
  /** It answers, but does not accept this peer. */
  readonly isRefused: boolean
  /** Whether it has been sent all changes of this peer's catalog. */
  readonly isTold: boolean
  /** Other live members that say that they reach it. */
  readonly othersReaching: number
  /** Other live members that say that they do not reach it. */
  readonly othersAway: number
}

/** Which index a peer asks, and whether its own acts for the one that is away. */
export interface StandbyState {
  readonly asks: 'index' | 'own'
  /** Since when the index is back, while the peer's own is still asked. */
  readonly backSinceMs: number | undefined
  /** Since when neither this peer nor, as far as it knows, a live member reaches the index. */
  readonly lostSinceMs: number | undefined
  /** Whether the own index has copies made and dropped. */
  readonly isActing: boolean
}

export const atIndex: StandbyState = {
  asks: 'index',
  backSinceMs: undefined,
  lostSinceMs: undefined,
  isActing: false,
}

/**
 * The next state. A peer that alone is cut off from the index asks its own, but does not act: the index
 * does.
 * @param options.deadAfterMs how long nobody reaches the index before its work is taken over
 */
export function nextStandby(
  before: StandbyState,
  signs: IndexSigns,
  { deadAfterMs }: { deadAfterMs: number },
): StandbyState {
  const { nowMs, othersReaching } = signs
  const isReached = signs.awayMs === 0 || signs.isRefused
  const isLost = !isReached && othersReaching === 0
  const lostSinceMs = isLost ? (before.lostSinceMs ?? nowMs) : undefined
  const lostMs = lostSinceMs === undefined ? 0 : nowMs - lostSinceMs
  const isActing = isLost && lostMs >= Math.max(deadAfterMs, awayAfterMs)
  return { ...askedNext(before, signs, isReached), lostSinceMs, isActing }
}

function askedNext(
  { asks, backSinceMs }: StandbyState,
  { nowMs, awayMs, isRefused, isTold, othersAway }: IndexSigns,
  isReached: boolean,
): Pick<StandbyState, 'asks' | 'backSinceMs'> {
  const atOwn = { asks: 'own', backSinceMs: undefined } as const
  const back = { asks: 'index', backSinceMs: undefined } as const
  if (asks === 'index') return !isReached && awayMs >= awayAfterMs ? atOwn : back
  if (!isReached) return atOwn
  const sinceMs = backSinceMs ?? nowMs
  const isSettled = isRefused || (isTold && othersAway === 0) || nowMs - sinceMs >= settleMs
  return isSettled ? back : { asks: 'own', backSinceMs: sinceMs }
}
