import { AppError } from '../../common/errors.ts'
import type { CallReply, PeerApi } from '../api/calls.ts'
import type { MemberCall } from '../api/member-calls.ts'

/** The members and join tokens of a fake cluster, which is not secured at first. */
export class FakeMembers implements Pick<PeerApi, MemberCall> {
  /** Undefined if the cluster is not secured. */
  members: Set<string> | undefined
  readonly tokens: CallReply<'joinTokens'>['tokens'] = []

  readonly revokeMember: PeerApi['revokeMember'] = async ({ peerId }) => {
    if (!this.#check().delete(peerId)) throw new AppError('MEMBER_UNKNOWN', { id: peerId })
  }

  readonly joinTokens: PeerApi['joinTokens'] = async () => {
    this.#check()
    return { tokens: this.tokens }
  }

  readonly createJoinToken: PeerApi['createJoinToken'] = async ({ forMs, ...terms }) => {
    this.#check()
    this.#check()
    const tokenId = String(this.tokens.length).padStart(8, '0')
    const expiresMs = 1_000 + forMs
    this.tokens.unshift({
      tokenId,
      ...terms,
      createdMs: 1_000,
      expiresMs,
      uses: 0,
      isRevoked: false,
    })
    const token = `tandem-1-${'a'.repeat(64)}-${tokenId}${'0'.repeat(24)}@index.test:7000`
    return { tokenId, token, command: `tandem peer --join ${token}`, ...terms, expiresMs }
  }

  readonly revokeJoinToken: PeerApi['revokeJoinToken'] = async ({ tokenId }) => {
    this.#check()
    this.#check()
    const at = this.tokens.findIndex((one) => one.tokenId === tokenId)
    const found = this.tokens[at]
    if (found === undefined) throw new AppError('JOIN_TOKEN_UNKNOWN', { tokenId })
    this.tokens[at] = { ...found, isRevoked: true }
    return { tokenId, members: [] }
  }

  #check(): Set<string> {
    if (this.members === undefined) throw new AppError('NOT_IN_CLUSTER')
    return this.members
  }
}
