import assert from 'node:assert/strict'
import type { ReplyOf, RequestOf } from '../protocol/messages.ts'
import type { Address } from '../protocol/transport.ts'
import type { Authority } from './authority.ts'
import type { TokenRow } from './authority-store.ts'
import type { CertifiedRole, TokenRole } from './cluster-role.ts'
import { formatJoinToken } from './join-token.ts'

/** The process that has the authority, as those who join see it. */
export interface JoinPlace {
  /** The index, or a peer of a mesh. */
  readonly role: CertifiedRole
  /** Where others join; undefined if the process does not listen. */
  readonly address: Address | undefined
}

/** Join tokens, as they are handed out to admins elsewhere and to commands on the machine of the authority. */
export interface TokenDesk {
  /**
   * @param by the member that asks; undefined for a command on this machine
   * @throws AppError TOO_MANY_TOKENS
   */
  create(
    request: RequestOf<'create-join-token'>,
    by: string | undefined,
  ): ReplyOf<'create-join-token'>
  list(): ReplyOf<'join-tokens'>
  /** @throws AppError JOIN_TOKEN_UNKNOWN, TOO_MANY_REVOKED */
  revoke(
    request: RequestOf<'revoke-join-token'>,
    by: string | undefined,
  ): ReplyOf<'revoke-join-token'>
}

export function tokenDesk(
  authority: Pick<Authority, 'tokens' | 'digest' | 'revokeJoinedWith'>,
  { role: at, address }: JoinPlace,
): TokenDesk {
  return {
    create({ role, forMs, usesMax }, by) {
      assert(
        address !== undefined,
        'a process that answers for the authority knows where it is reached',
      )
      const secret = authority.tokens.create({ role, forMs, usesMax, by })
      const { tokenId, expiresMs } = authority.tokens.check(secret)
      const token = formatJoinToken({ authority: authority.digest, secret, address })
      const limited = usesMax === undefined ? {} : { usesMax }
      const command = joinCommand(token, role, at)
      return { tokenId, token, command, role, expiresMs, ...limited }
    },
    list: () => ({ tokens: authority.tokens.list().map(listed) }),
    revoke({ tokenId, members = false }, by) {
      if (members) return { tokenId, members: authority.revokeJoinedWith(tokenId, by) }
      authority.tokens.revoke(tokenId, by)
      return { tokenId, members: [] }
    },
  }
}

function listed({
  usesMax,
  createdBy,
  ...token
}: TokenRow): ReplyOf<'join-tokens'>['tokens'][number] {
  return {
    ...token,
    ...(usesMax !== undefined && { usesMax }),
    ...(createdBy !== undefined && { createdBy }),
  }
}

/** What a process is started with to join. A reader joins once, and looks up and downloads from then on. */
function joinCommand(token: string, role: TokenRole, at: CertifiedRole): string {
  if (role === 'reader') return `tandem cluster join ${token} --id NAME --identity FOLDER`
  return `tandem peer ${at === 'index' ? '' : '--mesh '}--join ${token}`
}
