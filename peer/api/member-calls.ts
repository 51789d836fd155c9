/** Calls about the members of a secured cluster, for admins: a part of the table in calls.ts. */
import Type from 'typebox'
import { messages } from '../../common/protocol/messages.ts'
import type { CallRow } from './call-row.ts'

const { tokenId } = messages['revoke-join-token'].request.properties

export const memberCalls = {
  /** @throws NOT_IN_CLUSTER, FORBIDDEN, MEMBER_UNKNOWN, MEMBER_IS_AUTHORITY, AUTHORITY_UNREACHABLE */
  revokeMember: {
    summary:
      'Revoke the certificates of a member of a secured cluster: all its connections are closed',
    method: 'POST',
    path: '/api/peers/:peerId/revocation',
    params: Type.Object({ peerId: Type.String() }),
  },
  /** The newest first, without their secrets. @throws NOT_IN_CLUSTER, FORBIDDEN, AUTHORITY_UNREACHABLE */
  joinTokens: {
    summary: 'List the tokens with which processes join a secured cluster',
    method: 'GET',
    path: '/api/join-tokens',
    reply: messages['join-tokens'].reply,
  },
  /** The secret is in no other answer. @throws NOT_IN_CLUSTER, FORBIDDEN, TOO_MANY_TOKENS, AUTHORITY_UNREACHABLE */
  createJoinToken: {
    summary: 'Make a token with which processes join a secured cluster; its secret is shown once',
    method: 'POST',
    path: '/api/join-tokens',
    body: messages['create-join-token'].request,
    reply: messages['create-join-token'].reply,
    status: 201,
  },
  /** @throws NOT_IN_CLUSTER, FORBIDDEN, JOIN_TOKEN_UNKNOWN, TOO_MANY_REVOKED, AUTHORITY_UNREACHABLE */
  revokeJoinToken: {
    summary: 'Stop new processes from joining with a token',
    method: 'DELETE',
    path: '/api/join-tokens/:tokenId',
    params: Type.Object({ tokenId }),
    query: Type.Object({
      members: Type.Boolean({
        default: false,
        description: 'Whether to revoke members that joined with it as well.',
      }),
    }),
    reply: messages['revoke-join-token'].reply,
  },
} as const satisfies Readonly<Record<string, CallRow>>

/** A call that this part of the table has. */
export type MemberCall = keyof typeof memberCalls
