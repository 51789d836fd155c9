/** Examples of the calls about patterns that a peer follows. */
import { type CallExamples, timeMs } from './example.ts'

type FollowCall = 'followed' | 'follow' | 'unfollow'

const pattern = 'photos/**'
const begun = {
  pattern,
  newest: 100,
  addedMs: timeMs,
  isListed: false,
  files: 0,
  held: 0,
  waiting: 0,
  kept: 0,
  failed: 0,
}

export const followExamples: CallExamples<FollowCall> = {
  followed: {
    reply: { followed: [{ ...begun, isListed: true, files: 100, held: 97, waiting: 2, kept: 1 }] },
  },
  follow: { request: { pattern, newest: 100 }, reply: begun },
  unfollow: { request: { pattern }, reply: undefined },
}
