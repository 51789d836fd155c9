import { AppError } from '../../common/errors.ts'
import type { Event } from '../../common/protocol/messages.ts'
import type { CallReply, CallRequest } from '../api/calls.ts'
import type {
  EventPage,
  Rebalance,
  ReplicationOf,
  ReplicationRules,
  ResumedReplication,
  Safety,
} from '../api/cluster-shapes.ts'
import { eventPage, twoEvents } from './fake-events.ts'
import { FakeRebalance } from './fake-rebalance.ts'

/** What the fake peer says of a cluster with peer1 and peer2. */
export class FakeCluster {
  /** Thrown by every call, if set. */
  failure: AppError | undefined
  /** Whether `resumeReplication` has something to release. */
  isBraked = false
  /** What happened, oldest first. */
  readonly eventList: Event[] = twoEvents()
  readonly rebalancing = new FakeRebalance()
  #rules: ReplicationRules['rules'] = []
  /** Files of peer2 that other peers lack, by name. */
  readonly lackingFiles: string[] = []
  isDrained = false
  isInMaintenance = false

  async drainPeer({ peerId }: CallRequest<'drainPeer'>): Promise<Safety> {
    const safety = await this.peerSafety({ peerId })
    this.isDrained = true
    return safety
  }

  async undrainPeer({ peerId }: CallRequest<'undrainPeer'>): Promise<CallReply<'undrainPeer'>> {
    await this.peerSafety({ peerId })
    const wasDrained = this.isDrained
    this.isDrained = false
    return { peerId, wasDrained }
  }

  async maintainPeer({ peerId }: CallRequest<'maintainPeer'>): Promise<Safety> {
    const safety = await this.peerSafety({ peerId })
    this.isInMaintenance = true
    return safety
  }

  async endMaintenance({
    peerId,
  }: CallRequest<'endMaintenance'>): Promise<CallReply<'endMaintenance'>> {
    await this.peerSafety({ peerId })
    const wasInMaintenance = this.isInMaintenance
    this.isInMaintenance = false
    return { peerId, wasInMaintenance }
  }

  /** Peers that are dead. */
  readonly deadPeers = new Set<string>()

  async forgetPeer({ peerId }: CallRequest<'forgetPeer'>): Promise<void> {
    this.check()
    if (this.deadPeers.delete(peerId)) return
    await this.peerSafety({ peerId })
    throw new AppError('PEER_NOT_DEAD', { peerId, state: 'live' })
  }

  async peerSafety({ peerId }: CallRequest<'peerSafety'>): Promise<Safety> {
    this.check()
    if (peerId !== 'peer1' && peerId !== 'peer2') throw new AppError('PEER_UNKNOWN', { peerId })
    const names = this.lackingFiles
    const lacking = { files: names.length, bytes: 10 * names.length, names: [...names] }
    return { peerId, held: { files: 4, bytes: 40 }, alone: lacking, lacking }
  }

  async events(request: CallRequest<'events'>): Promise<EventPage> {
    this.check()
    return eventPage(this.eventList, request)
  }

  async rebalance(request: CallRequest<'rebalance'>): Promise<Rebalance> {
    this.check()
    return this.rebalancing.show(request)
  }

  async startRebalance(): Promise<Rebalance> {
    this.check()
    return this.rebalancing.start()
  }

  async stopRebalance(): Promise<Rebalance> {
    this.check()
    return this.rebalancing.stop()
  }

  async resumeReplication(): Promise<ResumedReplication> {
    this.check()
    const released = this.isBraked
    this.isBraked = false
    return { released }
  }

  async replicationRules(): Promise<ReplicationRules> {
    this.check()
    return { byDefault: 2, rules: this.#rules }
  }

  async replicationOf({ name }: CallRequest<'replicationOf'>): Promise<ReplicationOf> {
    this.check()
    const rule = this.#rules.find(({ pattern }) => name.startsWith(pattern.replace(/\*+$/, '')))
    return { factor: rule?.factor ?? 2, ...(rule && { rule }) }
  }

  async setReplication(rule: CallRequest<'setReplication'>): Promise<{ peers: number }> {
    this.check()
    const others = this.#rules.filter(({ pattern }) => pattern !== rule.pattern)
    this.#rules = [{ ...rule, changedMs: 1_000 }, ...others]
    return { peers: 2 }
  }

  async unsetReplication({ pattern }: CallRequest<'unsetReplication'>): Promise<void> {
    this.check()
    const others = this.#rules.filter((rule) => rule.pattern !== pattern)
    if (others.length === this.#rules.length) throw new AppError('RULE_NOT_FOUND', { pattern })
    this.#rules = others
  }

  /** @throws `failure`, if set */
  protected check(): void {
    if (this.failure !== undefined) throw this.failure
  }
}
