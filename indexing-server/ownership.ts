import { AppError } from '../common/errors.ts'
import { mayChange } from '../common/identity/change-rights.ts'
import type { Session } from './registry.ts'

/**
 * Checks that a session may change what belongs to `owner`: where identities are proven, only the owner and
 * admins may.
 * @param request what it asks for, for the error
 * @throws AppError FORBIDDEN
 */
export function checkOwnership(
  { connection }: Session,
  owner: string | undefined,
  request: string,
): void {
  const { proven } = connection
  if (proven === undefined || mayChange(proven, owner)) return
  const whose = owner === undefined ? 'files of others' : `what belongs to ${owner}`
  throw new AppError('FORBIDDEN', {
    request: `${request} for ${whose}`,
    role: proven.role,
    needed: 'an admin',
  })
}
