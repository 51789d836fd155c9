import { AppError } from '../common/errors.ts'
import type { PeerState, RequestOf } from '../common/protocol/messages.ts'
import type { Namesakes } from './store/store.ts'

/**
 * Whose files of a name a peer may take out of the cluster: its own; with `force` those of others, too.
 * A name that only downloads keep listed has no owner: it is taken out as the asker's.
 * @throws AppError NOT_OWNER, NOT_SHARED
 */
export function ownersToUnshare(
  asker: string,
  { name, owner, force = false }: RequestOf<'unshare'>,
  known: Namesakes,
  stateOf: (peerId: string) => PeerState,
): readonly string[] {
  // What the asker shares may be on its way here; and what is unshared already may be said again.
  if (owner === asker) return [asker]
  if (owner === undefined && known.owners.includes(asker)) return [asker]
  const others = owner === undefined ? known.owners : known.owners.filter((each) => each === owner)
  const [first] = others
  if (first !== undefined && force) return others
  if (first !== undefined)
    throw new AppError('NOT_OWNER', { name, owner: first, state: stateOf(first) })
  if (owner !== undefined || !known.isListedByDownloads) throw new AppError('NOT_SHARED', { name })
  if (force) return [asker]
  throw new AppError('NOT_OWNER', {
    name,
    owner: 'a peer that is not known any more',
    state: 'dead',
  })
}
