import { AppError } from '../common/errors.ts'
import type { Log } from '../common/log.ts'
import { isSameIdentity } from './identity.ts'
import type { IndexStore } from './store/store.ts'

/** See {@link takeRelease} of released-ids.ts. */
export type TakeRelease = (peerId: string, carryOut: () => Promise<unknown>) => Promise<boolean>

interface Dependencies {
  readonly store: Pick<IndexStore, 'identityOf' | 'releaseIdentity'>
  /**
   * Calls its argument and consumes the release if an administrator released this id; false
   * otherwise.
   */
  readonly takeRelease: TakeRelease
  readonly log: Log
}

/**
 * Reserves peer ids for the peers that used them first. An id is bound to the hash sent with it,
 * and bound anew only when an administrator releases it, or when nothing belongs to it: a peer that
 * is dead, holds nothing and owns nothing.
 */
export class Identities {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** Unbinds an id that is proven in another way. */
  async release(peerId: string): Promise<void> {
    const { store } = this.#dependencies
    if ((await store.identityOf(peerId)) !== undefined)
      await store.releaseIdentity(peerId, { onlyIfEmpty: false })
  }

  /** @throws AppError PEER_ID_BOUND if the id is bound to another secret */
  async check(peerId: string, identity: string | undefined, isDead: boolean): Promise<void> {
    const { store, takeRelease, log } = this.#dependencies
    const bound = await store.identityOf(peerId)
    if (bound === undefined || isSameIdentity(bound, identity)) return
    const isEmpty = isDead && (await store.releaseIdentity(peerId, { onlyIfEmpty: true }))
    if (isEmpty) return
    const release = (): Promise<boolean> => store.releaseIdentity(peerId, { onlyIfEmpty: false })
    if (!(await takeRelease(peerId, release))) throw new AppError('PEER_ID_BOUND', { peerId })
    log.warn({ peerId }, 'the id was released and is bound to a new secret')
  }
}
