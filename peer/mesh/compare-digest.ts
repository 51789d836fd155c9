/** What two members lack of each other's knowledge. Pure. */
import type { DigestRow } from '../../common/protocol/mesh-messages.ts'
import { compareVersions, isPresent, type Member } from './member.ts'
import { gravity, stateOf } from './merge-claim.ts'

export interface Differences {
  /** Members of whom the other knows more. */
  readonly wanted: readonly string[]
  /** Members of whom it knows less. */
  readonly told: readonly Member[]
}

/**
 * @param rows what the other knows of the members of some groups
 * @param own what is known here of the members of these groups
 */
export function compareDigest(rows: readonly DigestRow[], own: readonly Member[]): Differences {
  const ownById = new Map(own.map((member) => [member.record.peerId, member]))
  const theirs = new Map(rows.map((row) => [row.peerId, row]))
  const wanted = [...theirs.values()].filter((row) => isWanted(row, ownById.get(row.peerId)))
  const known = own.filter(({ isKnown }) => isKnown)
  const told = known.filter((member) => isTold(member, theirs.get(member.record.peerId)))
  return { wanted: wanted.map(({ peerId }) => peerId), told }
}

function isWanted(row: DigestRow, known: Member | undefined): boolean {
  if (known === undefined) return isPresent({ state: stateOf(row) })
  const order = compareVersions(row, known.record)
  return order > 0 || (order === 0 && gravity[stateOf(row)] > gravity[stateOf(known)])
}

function isTold(member: Member, row: DigestRow | undefined): boolean {
  if (row === undefined) return isPresent(member)
  const order = compareVersions(member.record, row)
  return order > 0 || (order === 0 && gravity[stateOf(member)] > gravity[stateOf(row)])
}
