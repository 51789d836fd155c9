import { BackgroundWork } from '../../common/background.ts'
import { AppError } from '../../common/errors.ts'
import { mayChange, ownerOfDecision } from '../../common/identity/change-rights.ts'
import { limits } from '../../common/limits.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { MessageType, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import type { KeptCatalogs } from './kept-catalogs.ts'
import type { Knowledge } from './knowledge.ts'
import type { Member } from './member.ts'
import type { MemberConnections, Target } from './member-connections.ts'
import { Mirror, type MirrorDependencies, type Position } from './mirror.ts'
import { RecentChanges } from './recent-changes.ts'

type Announcement = RequestOf<'announce'>

/** How often a member is asked for copies that have changed before they were stored. */
const learnAttempts = 3

/** This peer's own catalog, for other members. */
export interface OwnCatalog {
  readonly epoch: string
  readonly lastSeq: number
  /** The next announcement to who has it up to there; undefined if that is all. */
  after(position: Position): Announcement | undefined
}

interface Dependencies extends Omit<MirrorDependencies, 'handlers' | 'onRegistered'> {
  readonly ownId: string
  readonly catalog: OwnCatalog
  readonly kept: Pick<KeptCatalogs, 'toStore' | 'onStored'>
  readonly link: Pick<MemberConnections, 'ask' | 'request'>
  /** Whether the cluster has an index, where only admins decide about others; in a mesh alone all members do. */
  readonly isBesideIndex: boolean
  /** The own index says what it has of this member's catalog. */
  readonly onRegistered: (peerId: string) => void
}

/**
 * All other members, as this peer's own index sees them; and what is known of their catalogs, to
 * pass it on.
 */
export class Mirrors implements Knowledge, AsyncDisposable {
  readonly #dependencies: Dependencies
  readonly #mirrors = new Map<string, Mirror>()
  readonly #recent = new RecentChanges()
  readonly #targets = new Map<string, Target>()
  /** Members whose catalogs are to be read from the beginning. */
  readonly #toReadAgain = new Set<string>()
  readonly #background: BackgroundWork

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /**
   * What gossip says of a member has changed. One that has not answered at its address is not registered,
   * and if it is said to have moved it stays as it was: others may say what they like.
   */
  onMember(member: Member): void {
    const { peerId } = member.record
    if (member.state === 'live' && !member.isMet) return
    const known = this.#mirrors.get(peerId)
    if (known !== undefined) known.update(member)
    else if (member.state === 'live' && peerId !== this.#dependencies.ownId) {
      const handlers = this.#forwarding(() => this.#targets.get(peerId))
      this.#mirrors.set(
        peerId,
        new Mirror(member, {
          ...this.#dependencies,
          handlers,
          onRegistered: () => this.#dependencies.onRegistered(peerId),
        }),
      )
    }
    const { host, port } = member.record
    if (member.isMet) this.#targets.set(peerId, { peerId, address: { host, port } })
  }

  /** A member that was dead or had left is no longer remembered; the own index still knows it. */
  onForgotten(peerId: string): void {
    const mirror = this.#mirrors.get(peerId)
    this.#mirrors.delete(peerId)
    this.#targets.delete(peerId)
    this.#toReadAgain.delete(peerId)
    if (mirror !== undefined)
      this.#background.start('end a mirror', () => mirror[Symbol.asyncDispose]())
  }

  /** Where a member listens; undefined if it is unknown. */
  targetOf(peerId: string): Target | undefined {
    return this.#targets.get(peerId)
  }

  /** While it is not known what the own index has, nothing is missing. */
  seenSeq(peerId: string, epoch: string): number {
    const { ownId, catalog } = this.#dependencies
    if (peerId === ownId && epoch === catalog.epoch) return catalog.lastSeq
    if (this.#toReadAgain.has(peerId)) return 0
    return this.#mirrors.get(peerId)?.position(epoch)?.seq ?? Number.MAX_SAFE_INTEGER
  }

  isWhole(peerId: string, epoch: string): boolean {
    if (this.#toReadAgain.has(peerId)) return false
    return this.#mirrors.get(peerId)?.isWhole(epoch) !== false
  }

  isInventory(peerId: string, epoch: string): boolean {
    return this.#mirrors.get(peerId)?.position(epoch)?.isInventory === true
  }

  /** What follows there in a catalog; undefined if this peer does not know, or that is all. */
  announcementAfter(
    peerId: string,
    epoch: string,
    seq: number,
    isInventory = false,
  ): Announcement | undefined {
    const { ownId, catalog } = this.#dependencies
    if (peerId !== ownId) return this.#recent.after(peerId, epoch, seq)
    return catalog.epoch === epoch ? catalog.after({ seq, isInventory }) : undefined
  }

  /** @throws AppError NOT_REGISTERED, and the answer of the own index */
  async apply({ peerId }: Pick<MemberRecord, 'peerId'>, announcement: Announcement): Promise<void> {
    const { kept } = this.#dependencies
    const stored = await kept.toStore(peerId, announcement)
    // A part of an inventory tells removals only to who has the parts before it.
    if (await this.#mirrorOf(peerId).apply(stored)) this.#recent.add(peerId, announcement)
    if (announcement.begin === true) this.#toReadAgain.delete(peerId)
    await kept.onStored(peerId, announcement)
  }

  /** Has a catalog read from the beginning, once its missing changes are fetched. */
  readAgain(peerId: string): void {
    this.#recent.forget(peerId)
    const isReading = this.#mirrors.get(peerId)?.isInInventory !== false
    if (!isReading) this.#toReadAgain.add(peerId)
  }

  /**
   * Asks a member which copies it has of some contents, and tells the own index.
   * @returns how many
   * @throws AppError PEER_UNKNOWN, NOT_REGISTERED, why the member does not answer; the signal's reason
   */
  async learnCopies(
    peerId: string,
    sha256s: readonly string[],
    signal: AbortSignal,
  ): Promise<number> {
    const target = this.#targets.get(peerId)
    if (target === undefined) throw new AppError('PEER_UNKNOWN', { peerId })
    const asked = new Set(sha256s.slice(0, limits.copiesAskedMax))
    const request = { sha256s: [...asked] }
    // A member that changes all the time is given up.
    for (let attempt = 0; attempt < learnAttempts; attempt += 1) {
      const reply = await this.#dependencies.link.request(target, 'mesh-copies', request, signal)
      const copies = reply.copies.filter(({ op, ...change }) => op === 'put' && isOf(change, asked))
      if (copies.length === 0) return 0
      if (await this.#mirrorOf(peerId).add(reply, copies)) return copies.length
    }
    throw new AppError('BUSY')
  }

  /**
   * Waits until the own index has a member's catalog up to a change, which this peer fetches itself.
   * @throws AppError NOT_REGISTERED; why the changes cannot be fetched or applied; the signal's reason
   */
  async catchUp(peerId: string, lastSeq: number, signal: AbortSignal): Promise<void> {
    const { link } = this.#dependencies
    for (;;) {
      const mirror = this.#mirrorOf(peerId)
      const { epoch, position } = mirror.progress()
      const target = this.#targets.get(peerId)
      if (position.seq >= lastSeq || target === undefined) return
      const { seq: after, isInventory } = position
      const request = { peerId, epoch, after, ...(isInventory ? { isInventory } : {}) }
      const { announcement } = await link.request(target, 'mesh-changes', request, signal)
      if (announcement === undefined) return
      await this.apply({ peerId }, announcement)
      // A member that sends nothing new is not asked for ever.
      const { seq, isInventory: isStill } = mirror.progress().position
      if (seq <= after && isStill === isInventory) return
    }
  }

  /**
   * Passes on what a member reports about the tasks of this peer's own index.
   * @throws AppError NOT_REGISTERED, and the answer of the index
   */
  async report<T extends 'report' | 'progress' | 'confirm-drops'>(
    peerId: string,
    type: T,
    body: RequestOf<T>,
    signal: AbortSignal,
  ): Promise<ReplyOf<T>> {
    return await this.#mirrorOf(peerId).report(type, body, signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const mirrors = [...this.#mirrors.values(), this.#background]
    await Promise.all(mirrors.map((mirror) => mirror[Symbol.asyncDispose]()))
  }

  #mirrorOf(peerId: string): Mirror {
    const mirror = this.#mirrors.get(peerId)
    if (mirror === undefined) throw new AppError('NOT_REGISTERED', { request: 'announce' })
    return mirror
  }

  /**
   * Of the decisions of a member, those that it may make: this peer, perhaps an admin, tells the index of
   * the cluster what its own has taken over. Without records, there are none after `page.after`.
   */
  async #readBelieved(
    to: Target,
    page: RequestOf<'read-intent'>,
    signal: AbortSignal,
  ): Promise<ReplyOf<'read-intent'>> {
    for (let { after } = page; ; ) {
      const asked = { ...page, after }
      const { reply, proven } = await this.#dependencies.link.ask(to, 'read-intent', asked, signal)
      const records = reply.records.filter((one) => mayChange(proven, ownerOfDecision(one)))
      const last = reply.records.at(-1)?.revision ?? after
      if (records.length > 0 || last <= after) return { records }
      after = last
    }
  }

  /** What the own index asks of a member. */
  #forwarding(target: () => Target | undefined): MirrorDependencies['handlers'] {
    const { link, isBesideIndex } = this.#dependencies
    const forward =
      <T extends MessageType>(type: T) =>
      async (body: RequestOf<T>, _: undefined, signal: AbortSignal): Promise<ReplyOf<T>> => {
        const to = target()
        if (to === undefined) throw new AppError('NOT_REGISTERED', { request: type })
        return await link.request(to, type, body, signal)
      }
    const handlers: Handlers<'index', 'peer', undefined> = {
      tasks: forward('tasks'),
      'cancel-tasks': forward('cancel-tasks'),
      verify: forward('verify'),
      prove: forward('prove'),
      'confirm-copies': forward('confirm-copies'),
      'restore-file': forward('restore-file'),
      'read-intent': async (page, _, signal) => {
        const to = target()
        if (to === undefined) throw new AppError('NOT_REGISTERED', { request: 'read-intent' })
        return isBesideIndex
          ? await this.#readBelieved(to, page, signal)
          : await link.request(to, 'read-intent', page, signal)
      },
      // A member has an index of its own, which keeps decisions and tells it whether it is reached.
      // Each member's own index has its replicas moved.
      relabel: async ({ copies }) => ({ relabelled: copies.map(() => false) }),
      'keep-intent': async ({ revision }) => ({ revision }),
      reached: async () => ({}),
      probe: async () => ({}),
      // An own index compares with what its own peer has.
      'show-chunk': async () => {
        throw new AppError('NO_MESH')
      },
    }
    return handlers
  }
}

function isOf(change: object, sha256s: ReadonlySet<string>): boolean {
  return 'sha256' in change && typeof change.sha256 === 'string' && sha256s.has(change.sha256)
}
