/** Messages of a secured cluster: a part of the table in messages.ts. */
import Type, { type TLiteral } from 'typebox'
import { tokenRoles } from '../identity/cluster-role.ts'
import { SignedTrust } from '../identity/trust.ts'
import { limits } from '../limits.ts'
import { Count, described, Host, Millis, PeerId } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const CertificateRequest = Type.String({
  minLength: 1,
  maxLength: limits.certificateBytesMax,
  description: 'PKCS #10, PEM, signed with the key that the certificate is for: P-256',
})
const Names = Type.Array(Host, {
  maxItems: limits.certificateNamesMax,
  description: 'Names and addresses under which the sender is reached over HTTPS',
})
const Issued = Type.Object({
  certificate: Type.String({
    maxLength: limits.certificateBytesMax,
    description: 'PEM: the certificate, then those of the authority that issued it',
  }),
  trust: described(SignedTrust, 'Whom to trust'),
})

const TokenId = Type.String({
  pattern: '^[0-9a-f]{8}$',
  description: 'The token: the first digits of its secret',
})
const TokenUses = Type.Integer({
  minimum: 1,
  maximum: limits.membersPerTokenMax,
  description: `How many processes may join with it; absent: the maximum for any token, ${limits.membersPerTokenMax}, if absent`,
})
const TokenTerms = {
  role: Type.Union(
    tokenRoles.map((role) => Type.Literal(role)) as unknown as [
      TLiteral<'admin'>,
      TLiteral<'peer'>,
      TLiteral<'reader'>,
    ],
    { description: 'The role of processes that join with it' },
  ),
  usesMax: Type.Optional(TokenUses),
}
const expiresMs = described(Millis, 'Until when it is valid, in milliseconds since 1970')

export const clusterMessages = {
  'join-cluster': {
    summary:
      'Asks the authority of a secured cluster for a certificate, with a join token. Sent over TLS without a certificate (ALPN `tandem-join/1`), once the authority has proven the key that the token names.',
    from: ['client'],
    to: ['index', 'peer'],
    by: rights.joining,
    request: Type.Object({
      secret: Type.String({ pattern: '^[0-9a-f]{32}$', description: 'The secret of the token' }),
      id: described(PeerId, 'The id to join with'),
      request: CertificateRequest,
      names: Names,
    }),
    reply: Issued,
    isReplyLong: true,
    bulk: false,
  },
  'renew-certificate': {
    summary: 'Asks the authority for a new certificate for the same key.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.members,
    request: Type.Object({ request: CertificateRequest, names: Names }),
    reply: Issued,
    isReplyLong: true,
    bulk: false,
  },
  'exchange-trust': {
    summary:
      'Exchanges the trust document, which says whom the members of the cluster trust. Each side of a connection sends it when it learns of a newer version than the other side has.',
    from: ['peer', 'client', 'index'],
    to: ['index', 'peer', 'client'],
    by: rights.members,
    isLong: true,
    request: Type.Object({
      number: Type.Integer({ minimum: 0, description: 'The version that the sender has' }),
      trust: Type.Optional(
        described(SignedTrust, 'The document, if it may be newer than the receiver’s'),
      ),
    }),
    reply: Type.Object({
      number: Type.Integer({ minimum: 0, description: 'The version that the receiver has now' }),
      trust: Type.Optional(
        described(SignedTrust, 'The document, if it is newer than the sender’s'),
      ),
    }),
    bulk: false,
  },
  'revoke-member': {
    summary: 'Revokes the certificates of a member: all its connections are closed.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.administration,
    request: Type.Object({ id: described(PeerId, 'The member') }),
    reply: Type.Object({
      number: Type.Integer({
        minimum: 1,
        description: 'The version of the trust document with it',
      }),
    }),
    bulk: false,
  },
  'create-join-token': {
    summary:
      'Asks the authority to make a join token. Only the reply to this request contains its secret.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.administration,
    request: Type.Object({
      ...TokenTerms,
      forMs: Type.Integer({
        minimum: 1,
        maximum: limits.joinTokenMsMax,
        description: 'How long it is valid, in milliseconds',
      }),
    }),
    reply: Type.Object({
      tokenId: TokenId,
      token: Type.String({ maxLength: 1_024, description: '`tandem-1-…@HOST:PORT`' }),
      command: Type.String({
        maxLength: 2_048,
        description: 'The command with which a process joins',
      }),
      ...TokenTerms,
      expiresMs,
    }),
    bulk: false,
  },
  'join-tokens': {
    summary: 'Lists the join tokens of the authority, without their secrets, newest first.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.administration,
    request: Type.Object({}),
    reply: Type.Object({
      tokens: Type.Array(
        Type.Object({
          tokenId: TokenId,
          ...TokenTerms,
          createdMs: described(Millis, 'In milliseconds since 1970'),
          expiresMs,
          uses: described(Count, 'How many have joined with it'),
          isRevoked: Type.Boolean(),
          createdBy: Type.Optional(
            described(
              PeerId,
              'The member that requested it, unless it was the authority or a command on its machine',
            ),
          ),
        }),
        { maxItems: limits.joinTokensMax },
      ),
    }),
    isReplyLong: true,
    bulk: false,
  },
  'revoke-join-token': {
    summary: 'Stops new processes from joining with a token.',
    from: ['peer', 'client'],
    to: ['index', 'peer'],
    by: rights.administration,
    request: Type.Object({
      tokenId: TokenId,
      members: Type.Optional(
        Type.Boolean({
          description: 'Whether to revoke members that joined with it as well. Default: false',
        }),
      ),
    }),
    reply: Type.Object({
      tokenId: TokenId,
      members: Type.Array(PeerId, {
        maxItems: limits.membersPerTokenMax,
        description: 'The members that were revoked',
      }),
    }),
    isReplyLong: true,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
