import { AppError } from '../../common/errors.ts'
import type { AskAuthority } from '../../common/identity/authority-link.ts'
import { parsePeerId } from '../../common/ids.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { MemberCall } from './member-calls.ts'

/** What a peer answers about the members of its secured cluster: it asks the authority. */
export class MemberApi implements Pick<PeerApi, MemberCall> {
  readonly #askAuthority: AskAuthority | undefined

  /** @param dependencies without `askAuthority` the peer is in no secured cluster */
  constructor({ askAuthority }: { readonly askAuthority: AskAuthority | undefined }) {
    this.#askAuthority = askAuthority
  }

  async revokeMember({ peerId }: CallRequest<'revokeMember'>, signal?: AbortSignal): Promise<void> {
    await this.#ask('revoke-member', { id: parsePeerId(peerId) }, signal)
  }

  async joinTokens(signal?: AbortSignal): Promise<CallReply<'joinTokens'>> {
    return await this.#ask('join-tokens', {}, signal)
  }

  async createJoinToken(
    request: CallRequest<'createJoinToken'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'createJoinToken'>> {
    return await this.#ask('create-join-token', request, signal)
  }

  async revokeJoinToken(
    request: CallRequest<'revokeJoinToken'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'revokeJoinToken'>> {
    return await this.#ask('revoke-join-token', request, signal)
  }

  /** @throws AppError NOT_IN_CLUSTER; or that of the authority, or of reaching it */
  get #ask(): AskAuthority {
    if (this.#askAuthority === undefined) throw new AppError('NOT_IN_CLUSTER')
    return this.#askAuthority
  }
}
