/** What the mesh view says, without elements. */
import type { PastQuery } from '../activity/activity-types.ts'
import { countText } from '../format/units.ts'
import type { Status } from '../live/live-types.ts'

type Counts = NonNullable<Status['peer']['mesh']>

/** Who takes part, and what this peer does not know of them. */
export function countsText(counts: Counts): string {
  const { live, suspect, gone, behind, notKept, programs } = counts
  return [
    countText(live, 'live member'),
    suspect > 0 ? `${suspect} suspect` : '',
    gone > 0 ? `${gone} gone` : '',
    programs > 0 ? countText(programs, 'program') : '',
    behind > 0 ? `catching up with ${countText(behind, 'catalog')}` : '',
    notKept > 0 ? `no room for ${countText(notKept, 'catalog')}` : '',
  ]
    .filter((part) => part !== '')
    .join(' · ')
}

/** Who answered a query: addresses, or why there are none. */
export function answerersText({ addresses = [], error, found }: PastQuery): string {
  if (addresses.length > 0) return addresses.join(', ')
  if (error !== undefined) return error
  return found === undefined || found === 0 ? 'no peer' : 'this peer'
}

/** Who asked: another member, or what asked this peer. */
export function askerText(
  { by, origin, at }: Pick<PastQuery, 'by' | 'origin' | 'at'>,
  callers: Readonly<Record<PastQuery['by'], string>>,
): string {
  return origin === undefined || origin === at ? callers[by] : origin
}
