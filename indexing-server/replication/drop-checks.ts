import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { ReplicaVersion } from '../../common/protocol/messages.ts'
import { lastingCopies, liveCopies } from '../rank.ts'
import type { Peer } from '../registry.ts'
import type { IndexStore, StoredContent } from '../store/store.ts'
import type { DropGrants } from './drop-grants.ts'
import { mayDropReplica, type SurplusHolder } from './surplus.ts'
import { isSteady, surplusHolders } from './surplus-holders.ts'
import { type ConfirmCopies, Vouchers } from './vouchers.ts'

export interface DropChecksOptions {
  readonly trimAfterMs: number
}

interface Dependencies {
  readonly store: Pick<IndexStore, 'contents' | 'replicaContentId' | 'obsoleteCopy' | 'versionsOf'>
  readonly peerOf: (peerId: string) => Peer | undefined
  readonly confirmCopies: ConfirmCopies
  readonly grants: DropGrants
  readonly clock: Clock
  readonly log: Log
}

/** A replica of a wanted content, by its place in the question. */
interface Wanted {
  readonly position: number
  readonly content: StoredContent
}

/**
 * Decides whether a peer may remove replicated copies now. For each copy:
 *
 *   not wanted  its file does not need it, and its successor has its copies, all of them live, or a
 *               replaced version that is kept is on as many live peers
 *   wanted      enough other peers have the content, have been live for a while, and have confirmed
 *               it just now; no other peer may be dropping its replica
 */
export class DropChecks {
  readonly #options: DropChecksOptions
  readonly #store: Dependencies['store']
  readonly #peerOf: Dependencies['peerOf']
  readonly #grants: DropGrants
  readonly #clock: Clock
  readonly #log: Log
  readonly #vouchers: Vouchers

  constructor(options: DropChecksOptions, dependencies: Dependencies) {
    this.#options = options
    this.#store = dependencies.store
    this.#peerOf = dependencies.peerOf
    this.#grants = dependencies.grants
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.#vouchers = new Vouchers(dependencies)
  }

  /** @returns whether the peer may remove each copy, in the same order */
  async confirm(
    peerId: string,
    copies: readonly ReplicaVersion[],
    signal: AbortSignal,
  ): Promise<boolean[]> {
    const confirmed = copies.map(() => false)
    const wanted: Wanted[] = []
    for (const [position, copy] of copies.entries()) {
      const content = await this.#contentOf(peerId, copy)
      if (content?.file !== undefined) wanted.push({ position, content })
      else if (content !== undefined)
        confirmed[position] = await this.#isReplaced(peerId, copy, content)
    }
    for (const position of await this.#grantSurplus(peerId, wanted, signal))
      confirmed[position] = true
    return confirmed
  }

  async #contentOf(peerId: string, copy: ReplicaVersion): Promise<StoredContent | undefined> {
    const contentId = await this.#store.replicaContentId(peerId, copy)
    return contentId === undefined ? undefined : (await this.#store.contents([contentId]))[0]
  }

  async #isReplaced(
    peerId: string,
    copy: ReplicaVersion,
    content: StoredContent,
  ): Promise<boolean> {
    const obsolete = await this.#store.obsoleteCopy(peerId, copy)
    if (obsolete === undefined) return false
    const { successorId } = obsolete
    if (successorId === undefined) return true
    const [successor] = await this.#store.contents([successorId])
    if (successor !== undefined && this.#isSafe(successor)) return true
    const kept = Math.max(1, liveCopies(content.holders, this.#peerOf))
    const versions = await this.#store.versionsOf(copy)
    return versions.some(
      (version) =>
        version.replacedMs !== undefined &&
        lastingCopies(version.content.holders, this.#peerOf) >= kept,
    )
  }

  /** @returns the positions of the copies that may be removed */
  async #grantSurplus(
    peerId: string,
    wanted: readonly Wanted[],
    signal: AbortSignal,
  ): Promise<number[]> {
    const candidates = wanted.filter(({ content }) => this.#mayDrop(peerId, content))
    if (candidates.length === 0) return []
    const has = await this.#vouchers.ask(
      candidates.map(({ content }) => ({
        sha256: content.sha256,
        holders: this.#holders(content).filter(
          (holder) => holder.isCounted && (holder.hasOwn || holder.peerId !== peerId),
        ),
      })),
      signal,
    )
    const contentIds = [...new Set(candidates.map(({ content }) => content.contentId))]
    const now = new Map(
      (await this.#store.contents(contentIds)).map((content) => [content.contentId, content]),
    )
    // From here on nothing else happens until the grants are recorded.
    return candidates.flatMap(({ position, content: { contentId, sha256 } }) => {
      const content = now.get(contentId)
      const isVouched = (holder: SurplusHolder): boolean =>
        has(holder.peerId, sha256) || (holder.peerId === peerId && !holder.hasOwn)
      if (content?.file === undefined || !this.#mayDrop(peerId, content, isVouched)) return []
      this.#grants.grant(contentId, peerId)
      this.#log.debug({ peerId, sha256, contentId }, 'replica beyond the factor may be dropped')
      return [position]
    })
  }

  #mayDrop(
    peerId: string,
    content: StoredContent,
    isVouched: (holder: SurplusHolder) => boolean = () => true,
  ): boolean {
    const holders = this.#holders(content).map((holder) => ({
      ...holder,
      isCounted: holder.isCounted && isVouched(holder),
    }))
    const granted = this.#grants.peerOf(content.contentId) ?? peerId
    return granted === peerId && mayDropReplica(peerId, holders, content.factor)
  }

  #isSafe({ holders, factor }: StoredContent): boolean {
    return lastingCopies(holders, this.#peerOf) >= factor
  }

  #holders(content: StoredContent): SurplusHolder[] {
    const nowMs = this.#clock.monotonicMs()
    const { trimAfterMs } = this.#options
    const isCounted = (peer: Peer): boolean => isSteady(peer, { nowMs, trimAfterMs })
    return surplusHolders(content, { peerOf: this.#peerOf, nowMs, isCounted })
  }
}
