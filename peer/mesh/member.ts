import type { MemberClaim, MemberRecord } from '../../common/protocol/mesh-messages.ts'

export const memberStates = ['live', 'suspect', 'dead', 'left'] as const
/** `left`: it said so itself. `dead`: suspect for too long. */
export type MemberState = (typeof memberStates)[number]

/** What this peer knows of a member of the mesh. */
export interface Member {
  readonly record: MemberRecord
  readonly state: MemberState
  /** Whether it left and will not return. */
  readonly forGood: boolean
  /** The last direct or indirect sign of life, on the monotonic clock. */
  readonly heardMs: number
  /** Whether it has answered at its address: others are only known by what is said. */
  readonly isMet: boolean
  /** Whether it has ever answered, there or where it was before: others are told of no other members. */
  readonly isKnown: boolean
  /** When it entered its state, on the monotonic clock. */
  readonly sinceMs: number
}

/** Whether a member is part of the mesh: others talk to it, and its catalog counts. */
export function isPresent({ state }: Pick<Member, 'state'>): boolean {
  return state === 'live' || state === 'suspect'
}

/** Whether a member is said to be where it was before. */
export function isSamePlace(
  before: Pick<Member, 'record'>,
  { record }: Pick<Member, 'record'>,
): boolean {
  return before.record.host === record.host && before.record.port === record.port
}

/** What a member is said to be, for others. */
export function toClaim({ record, state, forGood }: Member): MemberClaim {
  return {
    record,
    ...(state === 'live' ? {} : { state }),
    ...(forGood ? { forGood } : {}),
  }
}

interface Versioned {
  readonly generation: number
  readonly version: number
}

/** Negative if `a` is older than `b`, 0 if they are the same. */
export function compareVersions(a: Versioned, b: Versioned): number {
  return a.generation - b.generation || a.version - b.version
}
