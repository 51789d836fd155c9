import { failedPairReasons, listed, type Situation, seconds } from './explain.ts'

/** What is known about a content with replicas beyond its factor. Times in milliseconds from now. */
export interface SurplusSituation
  extends Pick<Situation, 'paused' | 'place' | 'delayMs' | 'failedPairs'> {
  /** Number of replicas beyond the factor. */
  readonly extra: number
  /** Peers that were asked to drop theirs. */
  readonly dropping: readonly string[]
  /** Holders that have not been live for `trimAfterMs`, or were caught sending wrong bytes. */
  readonly unsteady: readonly string[]
  readonly trimAfterMs: number
}

/** Why a content still has more copies than needed, without a full stop. */
export function surplusSentence(situation: SurplusSituation): string {
  const { extra } = situation
  const copies = extra === 1 ? '1 copy' : `${extra} copies`
  return `${copies} more than needed: ${reasonFor(situation)}`
}

function reasonFor(situation: SurplusSituation): string {
  const { paused, dropping, place, delayMs, unsteady, failedPairs, trimAfterMs } = situation
  if (paused !== undefined) return paused
  if (dropping.length > 0) return `${listed(dropping)} was asked to drop its replica`
  const [failed] = failedPairReasons({ failedPairs })
  if (failed !== undefined) return `dropping it on ${failed}`
  if (place?.state === 'delayed' && place.reason === 'confirming')
    return 'a peer has dropped its replica and has yet to announce it'
  if (unsteady.length > 0)
    return `it waits for ${listed(unsteady)} to be live for ${seconds(trimAfterMs)} without a break`
  if (place?.state === 'delayed') return `it is dropped in ${seconds(delayMs)}`
  return 'it is queued: missing copies come first'
}
