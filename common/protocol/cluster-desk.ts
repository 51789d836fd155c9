/** What servers of a secured cluster check and answer besides the handlers of their role. */
import { AppError } from '../errors.ts'
import type { ProvenIdentity } from '../identity/cluster-role.ts'
import type { Connection } from './connection.ts'
import type { ClusterHandlers } from './handlers.ts'
import type { ReplyOf, RequestOf } from './messages.ts'
import { neededFor, rights } from './rights.ts'
import type { TrustExchange } from './trust-exchange.ts'

/** Answers requests of the cluster's authority. @throws AppError NOT_AUTHORITY */
export interface ClusterDesk {
  join(request: RequestOf<'join-cluster'>, connection: Connection): Promise<ReplyOf<'join-cluster'>>
  renew(
    request: RequestOf<'renew-certificate'>,
    connection: Connection,
  ): Promise<ReplyOf<'renew-certificate'>>
  /** Answers an admin, whose rights have been checked. */
  readonly administration: {
    readonly [T in AdminMessage]: (
      request: RequestOf<T>,
      asker: Pick<Connection, 'proven'>,
    ) => ReplyOf<T> | Promise<ReplyOf<T>>
  }
}

/** What admins ask of the authority. */
export type AdminMessage =
  | 'revoke-member'
  | 'create-join-token'
  | 'join-tokens'
  | 'revoke-join-token'

/** What a connection of a secured cluster answers besides the handlers of its role. */
export function clusterHandlers(
  desk: ClusterDesk | undefined,
  exchange: TrustExchange | undefined,
  connection: Connection,
): ClusterHandlers {
  const asked = (): ClusterDesk => {
    if (desk === undefined) throw new AppError('NOT_IN_CLUSTER')
    return desk
  }
  return {
    ...(exchange && { 'exchange-trust': (request) => exchange.answer(request) }),
    'join-cluster': (request) => asked().join(request, connection),
    'renew-certificate': (request) => asked().renew(request, connection),
    'revoke-member': (request) => asked().administration['revoke-member'](request, connection),
    'create-join-token': (request) =>
      asked().administration['create-join-token'](request, connection),
    'join-tokens': (request) => asked().administration['join-tokens'](request, connection),
    'revoke-join-token': (request) =>
      asked().administration['revoke-join-token'](request, connection),
  }
}

/**
 * A hello must be of the one who opened the connection.
 * @throws AppError CERTIFICATE_REFUSED, FORBIDDEN
 */
export function checkHello(
  { role, peerId }: RequestOf<'hello'>,
  proven: ProvenIdentity | undefined,
): void {
  if (proven === undefined) return
  if (role === 'peer' && !rights.sharing.some((one) => one === proven.role))
    throw new AppError('FORBIDDEN', {
      request: 'hello as a peer',
      role: proven.role,
      needed: neededFor(rights.sharing),
    })
  if (peerId === undefined || peerId === proven.id) return
  const reason = `it is for ${proven.id || 'a joiner'}, not for ${peerId}`
  throw new AppError('CERTIFICATE_REFUSED', { reason })
}

/** Codes of hellos that are refused for who sends them. */
const identityCodes: readonly string[] = [
  'CERTIFICATE_REFUSED',
  'FORBIDDEN',
  'PEER_ID_BOUND',
  'PEER_ID_TAKEN',
]

/** Whether a hello was refused for who sent it. */
export function isAboutIdentity(error: unknown): error is AppError {
  return error instanceof AppError && identityCodes.includes(error.code)
}
