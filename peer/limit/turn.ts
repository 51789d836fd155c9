/** Who may pass next, and how much of it: policy of the gate, without any state of its own. */
import { limits } from '../../common/limits.ts'
import type { Purpose } from '../../common/protocol/messages.ts'

/** Bytes per second that may pass a gate; infinite where nothing limits. */
export interface GateRates {
  readonly all: number
  /** Of them for replication. */
  readonly replication: number
}

export const noLimits: GateRates = {
  all: Number.POSITIVE_INFINITY,
  replication: Number.POSITIVE_INFINITY,
}

/** What people's downloads took lately. */
export interface PeopleFlow {
  readonly bytesPerSecond: number
  readonly silentMs: number
}

/** People who have taken nothing for so long are not given way to. */
const peopleGoneMs = 1_000

/**
 * What replication may have now. Under a limit of all, that is what people leave of it: turns see to
 * that. Without one nobody knows what the network can do: beside people it takes a share of what they do.
 */
export function replicationRate(rates: GateRates, people: PeopleFlow): number {
  if (Number.isFinite(rates.all) || people.silentMs >= peopleGoneMs) return rates.replication
  const share = people.bytesPerSecond / limits.replicationShareDivisor
  return Math.min(rates.replication, Math.max(share, limits.replicationBesidePeopleMin))
}

/** What replication is sure of under a limit of all, so that people who never stop do not starve it. */
export function assuredRate({ all }: GateRates): number {
  const share = all / limits.replicationShareDivisor
  return Number.isFinite(all) ? Math.max(share, limits.replicationAssuredMin) : all
}

/** Milliseconds until each allows a turn; 0 when it may be at once. */
interface Readiness {
  readonly all: number
  readonly replication: number
  readonly assured: number
}

/** Whose turn it is, of those who wait in line, or in how many milliseconds it may be somebody's. */
export function nextTurn(
  inLine: Readonly<Record<Purpose, boolean>>,
  ready: Readiness,
): Purpose | number {
  const replicationMs = Math.max(ready.all, ready.replication)
  if (!inLine.replication) return ready.all || 'download'
  if (!inLine.download) return replicationMs || 'replication'
  if (Math.max(replicationMs, ready.assured) === 0) return 'replication'
  return ready.all || 'download'
}

/** For how long one turn takes the whole rate: others wait no longer for theirs, and bytes flow smoothly. */
const turnMs = 50
/** Smaller parts cost more than they smooth. */
const partBytesMin = 4_096

/** Bytes to let pass in one turn at this rate; infinite without a limit. */
export function partBytesAt(bytesPerSecond: number): number {
  return Math.max(partBytesMin, Math.floor((bytesPerSecond * turnMs) / 1000))
}
