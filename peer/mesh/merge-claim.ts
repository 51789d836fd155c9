/**
 * What a member believes of what it is told. A newer version always wins, and only the member itself
 * makes one. Of the same version the graver state wins, except that a death reported by others is only
 * a suspicion: each member waits for itself, so that what an isolated one believed disturbs no other
 * before the member concerned has contradicted. A. Das, I. Gupta, A. Motivala, "SWIM: Scalable
 * Weakly-consistent Infection-style Process Group Membership Protocol", DSN 2002. Pure.
 */
import { deadlines } from '../../common/limits.ts'
import type { MemberClaim, MemberRecord } from '../../common/protocol/mesh-messages.ts'
import { compareVersions, isPresent, type Member, type MemberState } from './member.ts'

/** Changes of one run: beyond it, which only a made-up version can reach, a new generation begins. */
const versionMax = 2 ** 40

export type Merged =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'improper'; readonly why: string }
  | {
      readonly kind: 'changed'
      readonly record: MemberRecord
      readonly state: MemberState
      readonly forGood: boolean
    }

const nothing: Merged = { kind: 'nothing' }

/** @param known what this peer knows of that member, which is another one */
export function mergeClaim(
  claim: MemberClaim,
  known: Member | undefined,
  { nowMs, hasRoom }: { nowMs: number; hasRoom: boolean },
): Merged {
  const why = faultOf(claim.record, { nowMs, known: known?.record })
  if (why !== undefined) return { kind: 'improper', why }
  const state = stateOf(claim)
  const changed: Merged = {
    kind: 'changed',
    record: claim.record,
    state,
    forGood: claim.forGood === true && state === 'left',
  }
  if (known === undefined) {
    if (!isPresent(changed)) return nothing
    return hasRoom ? changed : { kind: 'improper', why: 'too many members' }
  }
  const order = compareVersions(claim.record, known.record)
  if (order > 0) return changed
  if (order < 0 || gravity[state] <= gravity[known.state]) return nothing
  return { ...changed, record: known.record }
}

/**
 * Why no honest member says this; undefined if one may. The time is only compared for a new run: if this
 * clock is set back, the members that are known remain.
 */
export function faultOf(
  record: MemberRecord,
  { nowMs, known }: { nowMs: number; known: MemberRecord | undefined },
): string | undefined {
  const isNewRun = record.generation > (known?.generation ?? 0)
  if (isNewRun && record.generation > nowMs + deadlines.clockAheadMsMax)
    return 'its time is over a day ahead'
  if (record.version > versionMax) return 'its version is out of range'
  return undefined
}

/** How grave a state is, as others say it: a death is a suspicion. */
export function stateOf({ state = 'live' }: { state?: MemberState | undefined }): MemberState {
  return state === 'dead' ? 'suspect' : state
}

/** Of two claims about the same version the graver one wins. */
export const gravity: Readonly<Record<MemberState, number>> = {
  live: 0,
  suspect: 1,
  dead: 2,
  left: 3,
}

/**
 * The generation and version by which a member contradicts a claim about itself: the next after it.
 * @returns undefined if there is nothing to contradict
 */
export function contradiction(
  claim: MemberClaim,
  own: MemberRecord,
): Pick<MemberRecord, 'generation' | 'version'> | undefined {
  const order = compareVersions(claim.record, own)
  if (order < 0 || (order === 0 && claim.state === undefined)) return undefined
  const { generation, version } = claim.record
  if (generation > own.generation || version >= versionMax)
    return { generation: generation + 1, version: 1 }
  return { generation, version: version + 1 }
}
