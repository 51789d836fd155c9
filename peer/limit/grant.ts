/** Which purpose the gate lets pass next, and how many bytes per grant: pure policy. */
import type { Purpose } from '../../common/protocol/messages.ts'

/** Replication gets 1/16 beside downloads: hardly noticeable, yet it makes progress. */
const replicationShareDivisor = 16
/**
 * Bytes per second guaranteed to replication under a limit: two streams of each lane exceed the
 * stall threshold.
 */
const replicationAssuredMin = 25_000
/**
 * Bytes per second of replication beside unlimited downloads, which may be slow for their own
 * reasons.
 */
const replicationBesideDownloadsMin = 1_000_000

/** Bytes per second that may pass a gate; infinite without a limit. */
export interface GateRates {
  readonly all: number
  /** The part of `all` that replication may use. */
  readonly replication: number
}

export const noLimits: GateRates = {
  all: Number.POSITIVE_INFINITY,
  replication: Number.POSITIVE_INFINITY,
}

/** The recent rate of user downloads. */
export interface DownloadFlow {
  readonly bytesPerSecond: number
  readonly silentMs: number
}

/** After this long without user downloads, replication stops yielding. */
const downloadsIdleMs = 1_000

/**
 * The rate of replication. Under a total limit, grants leave it what downloads do not use. Without one
 * the capacity of the network is unknown: beside downloads, replication gets a share of their rate.
 */
export function replicationRate(rates: GateRates, downloads: DownloadFlow): number {
  if (Number.isFinite(rates.all) || downloads.silentMs >= downloadsIdleMs) return rates.replication
  const share = downloads.bytesPerSecond / replicationShareDivisor
  return Math.min(rates.replication, Math.max(share, replicationBesideDownloadsMin))
}

/** The rate guaranteed to replication under a total limit, so that continuous downloads do not starve it. */
export function assuredRate({ all }: GateRates): number {
  const share = all / replicationShareDivisor
  return Number.isFinite(all) ? Math.max(share, replicationAssuredMin) : all
}

/** Milliseconds until each bucket allows a grant; 0 if it does now. */
interface Readiness {
  readonly all: number
  readonly replication: number
  readonly assured: number
}

/** The purpose of the next grant, given which queues are not empty; or the milliseconds until there is one. */
export function nextGrant(
  queued: Readonly<Record<Purpose, boolean>>,
  ready: Readiness,
): Purpose | number {
  const replicationMs = Math.max(ready.all, ready.replication)
  if (!queued.replication) return ready.all || 'download'
  if (!queued.download) return replicationMs || 'replication'
  if (Math.max(replicationMs, ready.assured) === 0) return 'replication'
  return ready.all || 'download'
}

/** How long one grant occupies the whole rate: short, so that others wait little and bytes flow smoothly. */
const grantMs = 50
/** Smaller parts cost more processor time than their smoothness is worth. */
const partBytesMin = 4_096

/** Bytes per grant at this rate; infinite without a limit. */
export function partBytesAt(bytesPerSecond: number): number {
  return Math.max(partBytesMin, Math.floor((bytesPerSecond * grantMs) / 1000))
}
