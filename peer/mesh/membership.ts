import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { MemberClaim, MemberRecord } from '../../common/protocol/mesh-messages.ts'
import type { ImproperClaims } from './improper-claims.ts'
import { compareVersions, isPresent, isSamePlace, type Member, toClaim } from './member.ts'
import { MemberTable } from './member-table.ts'
import { contradiction, faultOf, type Merged, mergeClaim } from './merge-claim.ts'
import { News } from './news.ts'
import { RequestMeter } from './request-meter.ts'
import { isOnlyProgress, newsOfSelf, type SelfRecord } from './self-record.ts'

export interface MembershipSettings {
  /** A member that is suspect for this long is dead. */
  readonly deadAfterMs: number
  /** A dead member, or one that has left, is forgotten after this. */
  readonly forgetAfterMs: number
}

/** New members of whom one host tells: those of a large mesh that is joined, and then some. */
const introductions = { perSecond: 10, burst: 2_048, keysMax: 1_000 }

/** The one that tells something. */
export interface Teller {
  /** Absent if it is not known who answers at an address. */
  readonly peerId?: string | undefined
  /** Its address, for the log. */
  readonly host: string
}

export interface MembershipDependencies {
  readonly clock: Clock
  readonly log: Log
  readonly improper: Pick<ImproperClaims, 'report'>
  /** Called after each change; `before` is absent for a new member. */
  readonly onMember: (member: Member, before: Member | undefined) => void
  /** Called when a member that was dead or had left is no longer remembered. */
  readonly onForgotten: (member: Member) => void
  /**
   * Called when a newer record of a live member is known.
   * @returns whether changes of its catalog are missing, which are fetched now
   */
  readonly onRecord: (record: MemberRecord, teller: Teller) => boolean
  /** Called when another member says that this one is suspect, or has left. */
  readonly onSuspected: (peerId: string) => void
  /** Called when there is news to tell. */
  readonly onNews: () => void
}

/** A list of ids without one, made again only for another list. */
class WithoutSelf {
  readonly #self: string
  #all: readonly string[] | undefined
  #others: readonly string[] = []

  constructor(self: string) {
    this.#self = self
  }

  of(all: readonly string[]): readonly string[] {
    if (all === this.#all) return this.#others
    this.#all = all
    this.#others = all.filter((peerId) => peerId !== this.#self)
    return this.#others
  }
}

/** Who is in the mesh, as known here: takes claims and finds what to tell. Does no I/O. */
export class Membership {
  readonly table = new MemberTable()
  readonly peerId: string
  readonly #news: News
  readonly #others: WithoutSelf
  readonly #metOthers: WithoutSelf
  readonly #introductions: RequestMeter
  readonly #settings: MembershipSettings
  readonly #dependencies: MembershipDependencies
  /** The wall time at the start: the clock may be set back later. */
  readonly #startedMs: number

  constructor(
    { self, settings }: { self: SelfRecord; settings: MembershipSettings },
    dependencies: MembershipDependencies,
  ) {
    this.#settings = settings
    this.#dependencies = dependencies
    this.#introductions = new RequestMeter(introductions, dependencies)
    this.peerId = self.peerId
    this.#news = new News(self.peerId)
    this.#others = new WithoutSelf(self.peerId)
    this.#metOthers = new WithoutSelf(self.peerId)
    this.#startedMs = Math.floor(dependencies.clock.nowMs())
    this.#become({ ...self, generation: this.#startedMs, version: 1 })
  }

  /** This peer's own record. */
  get self(): Member {
    const self = this.table.get(this.peerId)
    if (self === undefined) throw new Error('a membership without its own record')
    return self
  }

  /** The ids of the other members that are live or suspect. */
  get others(): readonly string[] {
    return this.#others.of(this.table.present)
  }

  /** Those of them that have answered at their addresses. */
  get met(): readonly string[] {
    return this.#metOthers.of(this.table.met)
  }

  /** Members that have answered before and are dead: they may return. */
  get dead(): readonly Member[] {
    return this.table.notLive.filter(({ state, isMet }) => state === 'dead' && isMet)
  }

  get hasNews(): boolean {
    return this.#news.size > 0
  }

  /** Takes what the peer says of itself now. @returns whether that is news */
  refresh(self: SelfRecord): boolean {
    if (this.self.state === 'left') return false
    const record = newsOfSelf(this.self.record, self)
    if (record !== undefined) this.#become(record)
    return record !== undefined
  }

  /** This peer leaves: others are told by the claims from now on. */
  leave({ forGood }: { forGood: boolean }): void {
    const { self } = this
    const record = { ...self.record, version: self.record.version + 1 }
    this.table.set({ ...self, record, state: 'left', forGood })
    this.#tell(this.peerId)
  }

  /** Takes what another says. @returns how many of the claims were new */
  merge(claims: readonly MemberClaim[], teller: Teller): number {
    let count = 0
    for (const claim of claims) if (this.#mergeOne(claim, teller)) count += 1
    return count
  }

  /** A member answered, or another reached it. */
  heard(peerId: string): void {
    this.table.touch(peerId, this.#dependencies.clock.monotonicMs())
  }

  /** A member answered at an address, which may not be the one that it is said to have now. */
  onAnswer({ peerId, host, port }: Pick<MemberRecord, 'peerId' | 'host' | 'port'>): void {
    const member = this.table.get(peerId)
    const isThere = member?.record.host === host && member.record.port === port
    if (isThere && !member.isMet) {
      this.#set({ ...member, isMet: true, isKnown: true }, member)
      this.#tell(peerId)
    }
    this.heard(peerId)
  }

  /** No way led to a member while it had this record: it is suspect, unless it is newer now. */
  suspect({ peerId, generation, version }: MemberRecord): void {
    const known = this.table.get(peerId)
    if (known?.state !== 'live') return
    if (compareVersions(known.record, { generation, version }) !== 0) return
    this.#set({ ...known, state: 'suspect' }, known)
    this.#tell(peerId)
  }

  /** Lets suspects die and forgets members that are gone, when their time has come. */
  sweep(): void {
    const { deadAfterMs, forgetAfterMs } = this.#settings
    const nowMs = this.#dependencies.clock.monotonicMs()
    for (const member of this.table.notLive) {
      const forMs = nowMs - member.sinceMs
      if (member.state === 'suspect' && forMs >= deadAfterMs)
        this.#set({ ...member, state: 'dead' }, member)
      else if (!isPresent(member) && forMs >= forgetAfterMs) this.#forget(member)
    }
  }

  /**
   * What to tell a member: what is said of itself, so that it can contradict, then what it wants,
   * then news. News count as told.
   */
  claimsFor(partner: string | undefined, wanted: readonly string[] = []): MemberClaim[] {
    const about = partner === undefined ? undefined : this.table.get(partner)
    const first = about === undefined || about.state === 'live' ? [] : [about.record.peerId]
    const count = limits.meshNewsMax - first.length
    const news = this.#news.take({ count, members: this.table.presentCount })
    const told = new Set([...first, ...wanted, ...news])
    if (about?.state === 'live') told.delete(about.record.peerId)
    return [...told].flatMap((peerId) => {
      const member = this.table.get(peerId)
      if (member === undefined) return []
      return member.isKnown || first.includes(peerId) ? [toClaim(member)] : []
    })
  }

  /** News of a member that was held until its changes were here. */
  tell(peerId: string): void {
    if (this.table.get(peerId) !== undefined) this.#tell(peerId)
  }

  #mergeOne(claim: MemberClaim, teller: Teller): boolean {
    const { peerId } = claim.record
    if (peerId === this.peerId) return this.#contradict(claim, teller)
    const known = this.table.get(peerId)
    const merged = mergeClaim(claim, known, {
      nowMs: this.#nowMs,
      hasRoom: known !== undefined || this.#hasRoom(teller, peerId),
    })
    switch (merged.kind) {
      case 'nothing':
        return false
      case 'improper':
        this.#dependencies.improper.report(teller, merged.why)
        return false
      case 'changed':
        this.#take(merged, known, teller)
        return true
    }
  }

  #take(
    { record, state, forGood }: Extract<Merged, { kind: 'changed' }>,
    known: Member | undefined,
    teller: Teller,
  ): void {
    const { clock, onRecord, onSuspected } = this.#dependencies
    const isAlive = state === 'live'
    const heardMs = isAlive || known === undefined ? clock.monotonicMs() : known.heardMs
    const sinceMs = known?.state === state ? known.sinceMs : clock.monotonicMs()
    // A member that has moved has to answer at its new address.
    const isMet = known?.isMet === true && isSamePlace(known, { record })
    const isKnown = known?.isKnown ?? false
    this.#set({ record, state, forGood, heardMs, sinceMs, isMet, isKnown }, known)
    const isBehind = isPresent({ state }) && onRecord(record, teller)
    const isHeld = isBehind && known?.state === state && isOnlyProgress(known.record, record)
    // Told once the changes are here, too: those who hear of it can then get them here.
    if (!isHeld) this.#tell(record.peerId)
    if (state !== 'live') onSuspected(record.peerId)
  }

  /** Another claims something of this peer that is newer than its own record, or that it is gone. */
  #contradict(claim: MemberClaim, teller: Teller): boolean {
    const { self } = this
    if (self.state === 'left') return false
    const raised = contradiction(claim, self.record)
    if (raised === undefined) return false
    const why = faultOf(claim.record, { nowMs: this.#nowMs, known: self.record })
    if (why === undefined) this.#become({ ...self.record, ...raised })
    // An earlier run may have been ahead of this clock, but nothing is known of this one that it did not say.
    const isMadeUp = claim.record.generation === self.record.generation
    if (isMadeUp && compareVersions(claim.record, self.record) > 0)
      this.#dependencies.improper.report(teller, 'this peer did not say that of itself')
    else if (why !== undefined) this.#dependencies.improper.report(teller, why)
    return why === undefined
  }

  /** Wall time, which is at least that of the start. */
  get #nowMs(): number {
    return Math.max(this.#startedMs, this.#dependencies.clock.nowMs())
  }

  /**
   * Whether one more member of whom this one told can be remembered, now that one that is gone, or that
   * has never answered, may have been forgotten.
   */
  #hasRoom({ host, peerId }: Teller, about: string): boolean {
    // Those that speak for themselves do not wait for the crowd that another one of their host tells of.
    const key = peerId === about ? `${host} itself` : host
    if (!this.#introductions.accepts(key)) return false
    if (this.table.size < limits.meshMembersMax) return true
    const all = [...this.table.values()]
    const oldest = all.find((member) => !isPresent(member)) ?? all.find(({ isKnown }) => !isKnown)
    if (oldest !== undefined) this.#forget(oldest)
    return oldest !== undefined
  }

  #become(record: MemberRecord): void {
    const nowMs = this.#dependencies.clock.monotonicMs()
    const times = { heardMs: nowMs, sinceMs: nowMs }
    this.table.set({ record, state: 'live', forGood: false, isMet: true, isKnown: true, ...times })
    this.#tell(this.peerId)
  }

  #set(member: Member, before: Member | undefined): void {
    const { clock, log, onMember } = this.#dependencies
    const isOther = member.state !== before?.state
    const after = isOther ? { ...member, sinceMs: clock.monotonicMs() } : member
    this.table.set(after)
    const { peerId, host, port } = member.record
    if (isOther) log.debug({ peerId, host, port, state: member.state }, 'member of the mesh')
    onMember(after, before)
  }

  #forget(member: Member): void {
    this.table.delete(member.record.peerId)
    this.#news.delete(member.record.peerId)
    this.#dependencies.onForgotten(member)
  }

  /** Only members that have answered are told of: else one liar would speak with the voices of all. */
  #tell(peerId: string): void {
    if (this.table.get(peerId)?.isKnown !== true) return
    this.#news.add(peerId)
    this.#dependencies.onNews()
  }
}
