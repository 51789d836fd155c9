import { AppError } from '../common/errors.ts'
import type { PeerState, RequestOf } from '../common/protocol/messages.ts'
import type { Namesakes } from './store/store.ts'

/**
 * The owners whose files of a name a peer may unshare: its own; with `force` also those of others.
 * A name that is listed only because of downloads has no owner: it is unshared as the requester's.
 * @throws AppError NOT_OWNER, NOT_SHARED
 */
export function ownersToUnshare(
  asker: string,
  { name, owner, force = false }: RequestOf<'unshare'>,
  known: Namesakes,
  stateOf: (peerId: string) => PeerState,
): readonly string[] {
  // The requester's announcement may still be on its way; and unsharing twice is allowed.
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
    owner: 'an unknown peer',
    state: 'dead',
  })
}
