import type { Follower } from '../follow/follower.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import type { FollowCall } from './follow-calls.ts'

/** What a peer answers about the patterns that it follows. */
export class FollowApi implements Pick<PeerApi, FollowCall> {
  readonly #follower: Pick<Follower, 'follow' | 'list' | 'unfollow'>

  constructor(dependencies: { readonly follower: Pick<Follower, 'follow' | 'list' | 'unfollow'> }) {
    this.#follower = dependencies.follower
  }

  async followed(): Promise<CallReply<'followed'>> {
    return { followed: this.#follower.list() }
  }

  async follow(request: CallRequest<'follow'>): Promise<CallReply<'follow'>> {
    return this.#follower.follow(request)
  }

  async unfollow({ pattern }: CallRequest<'unfollow'>): Promise<void> {
    await this.#follower.unfollow(pattern)
  }
}
