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

/** What a content is queued for: work that it needs, or to improve where its copies are. */
export type RankClass = 'needed' | 'trim' | 'move'

export function classOf(rank: Rank): RankClass {
  if (rank.startsWith('trim/')) return 'trim'
  return rank.startsWith('move/') ? 'move' : 'needed'
}

/** Whether missing copies are made at this rank. */
export function isRepair(rank: Rank): boolean {
  return classOf(rank) === 'needed' && !rank.startsWith('drop/')
}
