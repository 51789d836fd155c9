import { type Lane, laneOf, lanes } from '../../common/content/lanes.ts'
import { type Urgency, urgencies } from './needs.ts'

/** Where a content stands among those that wait: how urgent it is, and whose slots it needs. */
export type Rank = `${Urgency}/${Lane}`

/** All of them, the most urgent first. */
export const ranks: readonly Rank[] = urgencies.flatMap((urgency) =>
  lanes.map((lane): Rank => `${urgency}/${lane}`),
)

/** The rank of a content of `sizeBytes`. Dropping a copy takes no time, whatever its size. */
export function rankOf(urgency: Urgency, sizeBytes: number): Rank {
  return `${urgency}/${urgency === 'drop' ? 'small' : laneOf(sizeBytes)}`
}
