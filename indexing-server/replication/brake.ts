/** When copying and dropping are held: stateless policy. Times are monotonic milliseconds. */
import type { PeerState } from '../../common/protocol/messages.ts'

export interface BrakeOptions {
  /** After this long without a sign of life a peer is dead. */
  readonly deadAfterMs: number
  /** In a new cluster, how long no peer may have registered before the first copy. */
  readonly startGraceMs: number
  /** How long lost peers are waited for; 0: never. */
  readonly brakeMs: number
}

/** Why copying and dropping are held, since when, and until when at the latest. */
export interface Hold {
  readonly cause: 'start' | 'peers-lost'
  readonly sinceMs: number
  readonly untilMs: number
  /** A sentence without a full stop. */
  readonly reason: string
}

/** What an index has learned since its start. */
export interface StartFacts {
  readonly startedMs: number
  /** Copies of the peers that are expected back: neither dead when the index started, nor excused. */
  readonly knownCopies: number
  /** Those of them whose peers are live again, with a complete inventory. */
  readonly returnedCopies: number
  /** The last registration, and the last announcement of a full inventory. */
  readonly lastArrivalMs: number | undefined
  /** Whether some peer has begun a full inventory and not ended it. */
  readonly isReceiving: boolean
  /** Whether some peer had announced to an index what this one does not have. */
  readonly hasForgotten: boolean
}

/** Part of the known copies that must be back. */
const returnedPart = 0.999
/**
 * An index that lost its inventory waits this many times as long: 21 s by default, more than the
 * longest interval between two attempts to reconnect, which is 15 s.
 */
const forgottenGraces = 7

/**
 * The hold after a start, during which peers return; undefined once it is over.
 *
 * - An index with an inventory waits until 99.9 % of the copies in it are available again.
 * - One without waits until no peer has registered for a while and all inventories are complete:
 *   briefly in a new cluster, longer if the inventory was lost, as any number of peers may be missing.
 *
 * A peer that is missing after `deadAfterMs` is dead: no hold after a start lasts longer.
 */
export function startHold(
  facts: StartFacts,
  { deadAfterMs, startGraceMs }: BrakeOptions,
  nowMs: number,
): Hold | undefined {
  const { startedMs, knownCopies, returnedCopies } = facts
  const lastMs = startedMs + deadAfterMs
  if (nowMs >= lastMs) return undefined
  const hold = (untilMs: number, missing?: string): Hold => {
    const left = `the index has just started: peers have ${secondsUntil(untilMs, nowMs)} s to reconnect`
    const reason = missing === undefined ? left : `${left}; ${missing}`
    return { cause: 'start', sinceMs: startedMs, untilMs, reason }
  }
  if (knownCopies > 0 && !facts.hasForgotten) {
    if (returnedCopies >= returnedPart * knownCopies) return undefined
    const percent = Math.floor((100 * returnedCopies) / knownCopies)
    return hold(lastMs, `${percent} % of the known copies are available`)
  }
  const missing = facts.hasForgotten ? 'it lost its inventory' : undefined
  if (facts.isReceiving || facts.lastArrivalMs === undefined) return hold(lastMs, missing)
  const graceMs = startGraceMs * (facts.hasForgotten ? forgottenGraces : 1)
  const quietMs = Math.min(lastMs, facts.lastArrivalMs + graceMs)
  return nowMs >= quietMs ? undefined : hold(quietMs, missing)
}

/** The facts about a peer that the brake uses. */
export interface BrakePeer {
  readonly state: PeerState
  /** Whether its copies no longer count. */
  readonly isLost: boolean
  /** Whether its absence is intended: it is drained, or in maintenance. */
  readonly isExcused: boolean
  /** When it was last live before now; undefined if never. */
  readonly lastLiveMs: number | undefined
}

/** The state between two decisions about lost peers. */
export interface LossState {
  /** Peers that were last live then or earlier are no reason for a new hold. */
  readonly acceptedMs: number
  readonly held: LossHold | undefined
}

interface LossHold extends Losses {
  readonly sinceMs: number
  readonly untilMs: number
  /** Peers that were last live after this are waited for. */
  readonly fromMs: number
  /** When the number of missing peers last changed. */
  readonly changedMs: number
}

interface Losses {
  /** Number of missing peers, and of these with the live ones. */
  readonly gone: number
  readonly peers: number
  /** Whether so many are missing that the brake is applied. */
  readonly isMany: boolean
}

/** Before any loss. */
export const noLoss: LossState = { acceptedMs: Number.NEGATIVE_INFINITY, held: undefined }

/** The copies of a single lost peer are always replaced, also in a cluster of two or three. */
const goneMin = 2
const gonePart = 1 / 3
/**
 * Once most peers are back, the others have this long to follow: more than the longest interval
 * between two attempts to reconnect, which is 15 s.
 */
const followMs = 20_000

/**
 * Decides whether lost peers hold copying and dropping.
 *
 * A hold begins when a peer is lost and over a third of the peers, at least two, went away within
 * `deadAfterMs` of each other: the cause is probably a network, a power supply or an update, and
 * the peers will return. Peers that are drained or in maintenance are no reason. Peers that are silent but not dead yet count as missing: the first one is
 * declared dead some seconds before the last. A hold ends when all of them are back; when at most a
 * third is missing and none has returned for a while; or after `brakeMs`.
 */
export function nextLossState(
  state: LossState,
  peers: Iterable<BrakePeer>,
  options: BrakeOptions,
  nowMs: number,
): LossState {
  const { held, acceptedMs } = state
  const { deadAfterMs, brakeMs } = options
  // The first of them has been silent for `deadAfterMs` when it is lost.
  const fromMs = held?.fromMs ?? Math.max(nowMs - 2 * deadAfterMs, acceptedMs)
  const { isAnyLost, ...losses } = lossesSince(fromMs, peers)
  if (held === undefined) {
    if (!losses.isMany || !isAnyLost || brakeMs === 0) return state
    const untilMs = nowMs + brakeMs
    return { ...state, held: { ...losses, sinceMs: nowMs, untilMs, fromMs, changedMs: nowMs } }
  }
  const changedMs = losses.gone === held.gone ? held.changedMs : nowMs
  const next = { ...state, held: { ...held, ...losses, changedMs } }
  // Peers that went away during the hold may be the reason for another one.
  const isOver = losses.gone === 0 || nowMs >= lossDueMs(next, options)
  return isOver ? { acceptedMs: held.sinceMs, held: undefined } : next
}

function lossesSince(
  fromMs: number,
  peers: Iterable<BrakePeer>,
): Losses & { readonly isAnyLost: boolean } {
  let [live, gone, isAnyLost] = [0, 0, false]
  for (const { state, isLost, isExcused, lastLiveMs } of peers) {
    if (state === 'live') live++
    else if (!isExcused && lastLiveMs !== undefined && lastLiveMs > fromMs) {
      gone++
      isAnyLost ||= isLost
    }
  }
  const isMany = gone >= goneMin && gone > gonePart * (live + gone)
  return { gone, peers: live + gone, isMany, isAnyLost }
}

/** When a hold ends if nothing happens before. */
export function lossDueMs({ held }: LossState, { deadAfterMs }: BrakeOptions): number {
  if (held === undefined) return Number.POSITIVE_INFINITY
  const { untilMs, changedMs, isMany } = held
  return isMany ? untilMs : Math.min(untilMs, changedMs + Math.min(followMs, deadAfterMs))
}

/** The hold in a state, if there is one. */
export function lossHold(state: LossState, options: BrakeOptions, nowMs: number): Hold | undefined {
  if (state.held === undefined) return undefined
  const { sinceMs, gone, peers } = state.held
  const untilMs = lossDueMs(state, options)
  const left = `at most ${secondsUntil(untilMs, nowMs)} s`
  const reason = `${gone} of ${peers} peers were lost together: they have ${left} to return`
  return { cause: 'peers-lost', sinceMs, untilMs, reason }
}

function secondsUntil(untilMs: number, nowMs: number): number {
  return Math.ceil((untilMs - nowMs) / 1_000)
}
