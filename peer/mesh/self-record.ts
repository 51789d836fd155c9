import { isDeepStrictEqual } from 'node:util'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'

/** What a peer says of itself; the mesh numbers it. */
export type SelfRecord = Omit<MemberRecord, 'generation' | 'version'>

/** A smaller change of the free space is no news: an idle mesh is silent. */
const freeBytesNews = 100 * 2 ** 20

/** The record to tell, or undefined if `now` differs from what was told in nothing that matters. */
export function newsOfSelf(told: MemberRecord, now: SelfRecord): MemberRecord | undefined {
  const { generation, version } = told
  const isFreeNews = Math.abs(told.freeBytes - now.freeBytes) >= freeBytesNews
  const same = { ...now, freeBytes: isFreeNews ? now.freeBytes : told.freeBytes }
  if (isDeepStrictEqual({ ...same, generation, version }, told)) return undefined
  return { ...now, generation, version: version + 1 }
}

/** Whether two records of a member in the same state differ in the progress of its catalog alone. */
export function isOnlyProgress(before: MemberRecord, after: MemberRecord): boolean {
  const { version, lastSeq } = before
  return before.lastSeq < after.lastSeq && isDeepStrictEqual(before, { ...after, version, lastSeq })
}
