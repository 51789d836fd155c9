import { limits } from '../../common/limits.ts'
import { compareDigest } from './compare-digest.ts'
import type { Exchange } from './exchange.ts'
import type { Member } from './member.ts'
import type { Membership } from './membership.ts'

const wantedMax = limits.meshRecordsMax - limits.meshNewsMax

/**
 * Finds and cures all differences between what this peer and a member know: compares the hashes of
 * the groups, then versions in those that differ, and swaps only the records that one of them lacks.
 * @throws AppError if the member does not answer in time; the signal's reason
 */
export async function reconcile(
  member: Member,
  { membership, exchange }: { membership: Membership; exchange: Exchange },
  options: { deadlineMs: number; signal: AbortSignal },
): Promise<void> {
  const { table } = membership
  const { groups, rows } = await exchange.ask(
    member,
    'mesh-digest',
    { buckets: table.groups },
    options,
  )
  const { wanted, told } = compareDigest(rows, table.inGroups(groups))
  const swaps = Math.max(
    Math.ceil(wanted.length / wantedMax),
    Math.ceil(told.length / limits.meshNewsMax),
  )
  for (let index = 0; index < swaps; index += 1)
    await exchange.swap(
      member,
      {
        wanted: wanted.slice(index * wantedMax, (index + 1) * wantedMax),
        told: told.slice(index * limits.meshNewsMax, (index + 1) * limits.meshNewsMax),
      },
      options,
    )
}
