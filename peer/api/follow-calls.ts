/** Calls about the patterns that a peer follows: a part of the table in calls.ts. */
import Type from 'typebox'
import type { CallRow } from './call-row.ts'
import { Followed, FollowedList, FollowRequest } from './follow-shapes.ts'

export const followCalls = {
  /** In the order in which they were added; at most `limits.followRulesMax`. */
  followed: {
    summary: 'List the patterns that this peer follows, and the progress of each',
    method: 'GET',
    path: '/api/follow',
    reply: FollowedList,
  },
  /** Repeating it changes `newest`. @throws NAME_INVALID, TOO_MANY_FOLLOWED, DISK_FULL, DISK_FAILED */
  follow: {
    summary: 'Keep downloaded/ up to date with the files that match a pattern',
    method: 'POST',
    path: '/api/follow',
    body: FollowRequest,
    reply: Followed,
  },
  /** @throws NAME_INVALID, NOT_FOLLOWED, DISK_FULL, DISK_FAILED */
  unfollow: {
    summary: 'Stop following a pattern; its files stay',
    method: 'DELETE',
    path: '/api/follow',
    query: Type.Pick(FollowRequest, ['pattern']),
  },
} as const satisfies Readonly<Record<string, CallRow>>

/** A call that this part of the table has. */
export type FollowCall = keyof typeof followCalls
