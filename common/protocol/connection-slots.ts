/** Who makes room for a new connection when a server has as many as it may. Pure. */

/** A connection as it is judged. */
export interface Occupant {
  /** What counts as its host. */
  readonly hostKey: string
  /** Whether it has said hello and was welcomed. */
  readonly isGreeted: boolean
  /** Whether a peer is registered on it. */
  readonly isRegistered: boolean
  /** Whether anything is asked on it that is not answered. */
  readonly isBusy: boolean
  /** Milliseconds since anything came or went. */
  readonly silentMs: number
}

/** From those that are missed least: silent before hello, idle, at work, registered. */
function rankOf({ isGreeted, isRegistered, isBusy }: Occupant): number {
  if (!isGreeted) return 0
  if (isRegistered) return 3
  return isBusy ? 2 : 1
}

/**
 * The connection that is closed so that one from `hostKey` can be served; undefined when there is none.
 * Whoever has more connections than the newcomer's host would have gives one of them. Beyond that only
 * those leave that were silent for `slotIdleMs` and wait for nothing, from the newcomer's host as well.
 */
export function whoMakesRoom<T extends Occupant>(
  occupants: Iterable<T>,
  hostKey: string,
  { slotIdleMs }: { slotIdleMs: number },
): T | undefined {
  const all = [...occupants]
  const counts = new Map<string, number>()
  for (const one of all) counts.set(one.hostKey, (counts.get(one.hostKey) ?? 0) + 1)
  const share = (counts.get(hostKey) ?? 0) + 1
  const countOf = (one: T): number => counts.get(one.hostKey) ?? 0
  let best: T | undefined
  for (const one of all) {
    const isIdle = rankOf(one) <= 1 && one.silentMs >= slotIdleMs
    const isBeyondShare = countOf(one) > share
    const isComparable = one.hostKey === hostKey || countOf(one) >= share
    if (!isBeyondShare && !(isIdle && isComparable)) continue
    if (best === undefined || leavesBefore(one, best, countOf)) best = one
  }
  return best
}

function leavesBefore<T extends Occupant>(a: T, b: T, countOf: (one: T) => number): boolean {
  const difference = rankOf(a) - rankOf(b) || countOf(b) - countOf(a) || b.silentMs - a.silentMs
  return difference < 0
}
