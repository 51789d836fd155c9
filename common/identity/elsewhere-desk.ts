import { AppError } from '../errors.ts'
import type { ClusterDesk } from '../protocol/cluster-desk.ts'
import type { NodeIdentity } from './node-identity.ts'

/** Answers for a member of a secured cluster whose authority is another process. */
export function elsewhereDesk({ joinedAt }: Pick<NodeIdentity, 'joinedAt'>): ClusterDesk {
  const refuse = (): Promise<never> =>
    Promise.reject(new AppError('NOT_AUTHORITY', { where: joinedAt ?? 'the process that made it' }))
  const administration = {
    'revoke-member': refuse,
    'create-join-token': refuse,
    'join-tokens': refuse,
    'revoke-join-token': refuse,
  }
  return { join: refuse, renew: refuse, administration }
}
