import type { Random } from '../../../common/random.ts'
import { someOf } from '../choose-members.ts'
import type { Member } from '../member.ts'

/** A member passes a query on to so many: with 7 hops, 98 of 100 members hear it. */
const neighboursPerQuery = 4

/** Members that are asked about their programs: more would be many messages for one lookup. */
const withProgramsMax = 16

/** Whether programs take part through a member, which is live. */
export function isWithPrograms({ record, state, isMet }: Member): boolean {
  return state === 'live' && isMet && record.programs === true
}

export function someWithPrograms(members: readonly Member[], random: Random): Member[] {
  return someOf(members.filter(isWithPrograms), withProgramsMax, random)
}

/**
 * Whom a query is sent to: live members that have answered before, other ones only if these are too
 * few; neither the sender nor the origin.
 */
export function neighboursFor(
  members: readonly Member[],
  { sender, origin }: { sender: string | undefined; origin: string },
  random: Random,
): Member[] {
  const isOther = ({ record: { peerId }, state }: Member): boolean =>
    state === 'live' && peerId !== sender && peerId !== origin
  const others = members.filter(isOther)
  const met = someOf(
    others.filter(({ isMet }) => isMet),
    neighboursPerQuery,
    random,
  )
  const unmet = others.filter(({ isMet }) => !isMet)
  return [...met, ...someOf(unmet, neighboursPerQuery - met.length, random)]
}
