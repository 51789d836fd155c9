import { type Lane, laneOf, lanes } from '../../common/content/lanes.ts'
import { type Urgency, urgencies } from './needs.ts'

/** A content's class in the queue: its urgency, and the lane whose slots it needs. */
export type Rank = `${Urgency}/${Lane}`

/** All ranks, most urgent first. */
export const ranks: readonly Rank[] = urgencies.flatMap((urgency) =>
  lanes.map((lane): Rank => `${urgency}/${lane}`),
)

/** The rank of a content of `sizeBytes`. Dropping a copy is fast at any size. */
export function rankOf(urgency: Urgency, sizeBytes: number): Rank {
  const isDrop = urgency === 'drop' || urgency === 'trim'
  return `${urgency}/${isDrop ? 'small' : laneOf(sizeBytes)}`
}

/** Whether a content lacks nothing, but has replicas beyond its factor. */
export function isTrim(rank: Rank): boolean {
  return rank.startsWith('trim/')
}
