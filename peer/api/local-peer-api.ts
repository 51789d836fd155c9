import type { Clock } from '../../common/clock.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import type { AskedIndex } from '../announce/asked-index.ts'
import type { Downloads } from '../download/downloads.ts'
import type { Repairs } from '../download/repairs.ts'
import type { Finder } from '../find/finder.ts'
import type { Limiter } from '../limit/limiter.ts'
import type { Restorer } from '../replicate/restorer.ts'
import type { Scrubber } from '../scrub/scrubber.ts'
import type { Share } from '../share/share.ts'
import { allCopies } from './all-copies.ts'
import type { CallReply, CallRequest, PeerApi } from './calls.ts'
import { eventKindsOf, eventText } from './event-text.ts'
import { listFiles } from './file-list.ts'
import type { FollowCall } from './follow-calls.ts'
import type { HistoryCall } from './history-calls.ts'
import type { MemberCall } from './member-calls.ts'
import type { MeshCall } from './mesh-calls.ts'
import { type AnsweringPeer, keptFoldersOf, peerStatus, type StatusParts } from './peer-status.ts'
import {
  type IgnoredSource,
  ignoredCalled,
  type ProblemSource,
  problemPage,
  problemsCalled,
} from './problem-list.ts'
import { restoreFile } from './restore-file.ts'
import { checkOf, type DamageSource, repairOf, scrubOf } from './scrub-views.ts'
import { unshareMatching } from './unshare-matching.ts'

interface Dependencies extends StatusParts {
  readonly share: StatusParts['share'] &
    ProblemSource &
    IgnoredSource &
    DamageSource &
    Pick<Share, 'confirmDeletes' | 'get' | 'isUnshared' | 'list' | 'receive' | 'unshare'>
  readonly finder: Pick<Finder, keyof Finder>
  readonly downloads: Pick<
    Downloads,
    'cancel' | 'list' | 'pause' | 'resume' | 'start' | 'stats' | 'wait'
  >
  readonly announcer: Pick<AskedIndex, 'absence' | 'connection'>
  readonly scrubber: Pick<Scrubber, 'checks' | 'setPaused' | 'startNow' | 'status'>
  readonly repairs: Pick<Repairs, 'start' | 'wait'>
  readonly limiter: Pick<Limiter, 'capacityBytes' | 'change' | 'downloads' | 'limits' | 'uploads'>
  readonly restorer: Pick<Restorer, 'accept'>
  readonly clock: Clock
}

/** The peer in this process, as the prompt and the HTTP API call it. */
export class LocalPeerApi
  implements Omit<PeerApi, HistoryCall | FollowCall | MeshCall | MemberCall>
{
  readonly #self: AnsweringPeer
  readonly #dependencies: Dependencies
  readonly #startMs: number

  constructor(self: AnsweringPeer, dependencies: Dependencies) {
    this.#self = self
    this.#dependencies = dependencies
    this.#startMs = dependencies.clock.monotonicMs()
  }

  async lookup(request: CallRequest<'lookup'>, signal?: AbortSignal): Promise<CallReply<'lookup'>> {
    const name = parseName(request.name)
    const contents = await this.#dependencies.finder.lookup(name, signal)
    // Users ask for complete copies; only downloads can use partial sources.
    const files = contents.map((content) => ({
      ...content,
      sources: content.sources.filter(({ kind }) => kind !== 'partial'),
    }))
    return { name, files }
  }

  async findContent(
    { sha256 }: CallRequest<'findContent'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'findContent'>> {
    return { sha256, ...(await this.#dependencies.finder.findContent(sha256, signal)) }
  }

  async search(
    { q: query, ...page }: CallRequest<'search'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'search'>> {
    return await this.#dependencies.finder.search({ query, ...page }, signal)
  }

  async folder(request: CallRequest<'folder'>, signal?: AbortSignal): Promise<CallReply<'folder'>> {
    return await this.#dependencies.finder.folder(request, signal)
  }

  async list(request: CallRequest<'list'>, signal?: AbortSignal): Promise<CallReply<'list'>> {
    const { share, finder } = this.#dependencies
    return await listFiles(request, {
      local: (kind, limit, after) => share.list(kind, limit, after),
      remote: (page) => finder.listRemote(page, signal),
    })
  }

  async peers(page: CallRequest<'peers'>, signal?: AbortSignal): Promise<CallReply<'peers'>> {
    return await this.#dependencies.finder.peers(page, signal)
  }

  async stats(): Promise<CallReply<'stats'>> {
    const { clock, finder, downloads, limiter, share } = this.#dependencies
    const { shared, downloaded, replicated } = share.totals()
    return {
      peerId: this.#self.peerId,
      uptimeSeconds: (clock.monotonicMs() - this.#startMs) / 1000,
      searchSeconds: finder.searchSeconds,
      ...downloads.stats,
      sentBytes: sumOf(limiter.uploads.passedBytes),
      receivedBytes: sumOf(limiter.downloads.passedBytes),
      files: {
        shared: shared.count,
        downloaded: downloaded.count,
        replicated: replicated.count,
      },
    }
  }

  async status(signal?: AbortSignal): Promise<CallReply<'status'>> {
    const status = await this.#dependencies.finder.status(signal)
    return { ...status, peer: peerStatus(this.#self, this.#dependencies) }
  }

  async why({ name }: CallRequest<'why'>, signal?: AbortSignal): Promise<CallReply<'why'>> {
    const { finder, share } = this.#dependencies
    const problems = [...problemsCalled(name, share), ...(await ignoredCalled(name, share))]
    if (problems.length === 0) return await finder.why(name, signal)
    try {
      return { ...(await finder.why(name, signal)), problems }
    } catch (error) {
      // The index does not know an unshared file, unless another peer shares the name.
      if (!(error instanceof AppError) || signal?.aborted === true) throw error
      return { name, contents: [], problems }
    }
  }

  async problems(page: CallRequest<'problems'>): Promise<CallReply<'problems'>> {
    return problemPage(page, this.#dependencies.share)
  }

  async versions(
    request: CallRequest<'versions'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'versions'>> {
    return await this.#dependencies.finder.versions(request, signal)
  }

  async startDownload(request: CallRequest<'startDownload'>): Promise<CallReply<'startDownload'>> {
    return this.#dependencies.downloads.start(request)
  }

  async download(
    { id, waitMs }: CallRequest<'download'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'download'>> {
    return await this.#dependencies.downloads.wait(id, waitMs, signal)
  }

  async downloads(page: CallRequest<'downloads'>): Promise<CallReply<'downloads'>> {
    return this.#dependencies.downloads.list(page)
  }

  async pauseDownload({ id }: CallRequest<'pauseDownload'>): Promise<CallReply<'pauseDownload'>> {
    return await this.#dependencies.downloads.pause(id)
  }

  async resumeDownload({
    id,
  }: CallRequest<'resumeDownload'>): Promise<CallReply<'resumeDownload'>> {
    return this.#dependencies.downloads.resume(id)
  }

  async cancelDownload({ id }: CallRequest<'cancelDownload'>): Promise<void> {
    await this.#dependencies.downloads.cancel(id)
  }

  async limits(): Promise<CallReply<'limits'>> {
    return this.#dependencies.limiter.limits
  }

  async changeLimits(change: CallRequest<'changeLimits'>): Promise<CallReply<'changeLimits'>> {
    return await this.#dependencies.limiter.change(change)
  }

  async keptFolders(): Promise<CallReply<'keptFolders'>> {
    return { keptFolders: keptFoldersOf(this.#dependencies.share) }
  }

  async confirmDeletes(): Promise<CallReply<'confirmDeletes'>> {
    return { files: await this.#dependencies.share.confirmDeletes() }
  }

  async drainPeer(
    { peerId }: CallRequest<'drainPeer'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'drainPeer'>> {
    const { finder } = this.#dependencies
    await finder.drain(peerId, signal)
    return await finder.safety(peerId, signal)
  }

  async undrainPeer(
    { peerId }: CallRequest<'undrainPeer'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'undrainPeer'>> {
    return { peerId, ...(await this.#dependencies.finder.undrain(peerId, signal)) }
  }

  async maintainPeer(
    { peerId, forMs }: CallRequest<'maintainPeer'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'maintainPeer'>> {
    const { finder } = this.#dependencies
    await finder.maintain(peerId, forMs, signal)
    return await finder.safety(peerId, signal)
  }

  async endMaintenance(
    { peerId }: CallRequest<'endMaintenance'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'endMaintenance'>> {
    return { peerId, ...(await this.#dependencies.finder.maintain(peerId, undefined, signal)) }
  }

  async forgetPeer(
    { peerId, force }: CallRequest<'forgetPeer'>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#dependencies.finder.forgetPeer(peerId, force, signal)
  }

  async peerSafety(
    { peerId }: CallRequest<'peerSafety'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'peerSafety'>> {
    return await this.#dependencies.finder.safety(peerId, signal)
  }

  async events(
    { kinds, ...request }: CallRequest<'events'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'events'>> {
    const chosen = kinds === undefined ? {} : { kinds: eventKindsOf(kinds) }
    const page = await this.#dependencies.finder.events({ ...request, ...chosen }, signal)
    return { ...page, events: page.events.map((event) => ({ ...event, text: eventText(event) })) }
  }

  async scrub(): Promise<CallReply<'scrub'>> {
    const { scrubber, share } = this.#dependencies
    return scrubOf(scrubber.status, share)
  }

  async changeScrub({ isPaused }: CallRequest<'changeScrub'>): Promise<CallReply<'changeScrub'>> {
    await this.#dependencies.scrubber.setPaused(isPaused)
    return await this.scrub()
  }

  async scrubNow(): Promise<CallReply<'scrubNow'>> {
    await this.#dependencies.scrubber.startNow()
    return await this.scrub()
  }

  async checkCopies({ pattern }: CallRequest<'checkCopies'>): Promise<CallReply<'checkCopies'>> {
    return checkOf(this.#dependencies.scrubber.checks.start(pattern))
  }

  async copyCheck(
    { id, waitMs }: CallRequest<'copyCheck'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'copyCheck'>> {
    return checkOf(await this.#dependencies.scrubber.checks.wait(id, waitMs, signal))
  }

  async repair({ name, kind = 'shared' }: CallRequest<'repair'>): Promise<CallReply<'repair'>> {
    return repairOf(this.#dependencies.repairs.start({ kind, name: parseName(name) }))
  }

  async repairOf(
    { id, waitMs }: CallRequest<'repairOf'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'repairOf'>> {
    return repairOf(await this.#dependencies.repairs.wait(id, waitMs, signal))
  }

  async resumeReplication(signal?: AbortSignal): Promise<CallReply<'resumeReplication'>> {
    return await this.#dependencies.finder.resumeReplication(signal)
  }

  async replicationRules(signal?: AbortSignal): Promise<CallReply<'replicationRules'>> {
    return await this.#dependencies.finder.replicationRules(signal)
  }

  async replicationOf(
    { name }: CallRequest<'replicationOf'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'replicationOf'>> {
    return await this.#dependencies.finder.replicationOf(name, signal)
  }

  async setReplication(
    rule: CallRequest<'setReplication'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'setReplication'>> {
    return await this.#dependencies.finder.setReplication(rule, signal)
  }

  async unsetReplication(
    { pattern }: CallRequest<'unsetReplication'>,
    signal?: AbortSignal,
  ): Promise<void> {
    await this.#dependencies.finder.setReplication({ pattern }, signal)
  }

  async rebalance(
    { plan }: CallRequest<'rebalance'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'rebalance'>> {
    return await this.#dependencies.finder.rebalance(plan ? 'plan' : 'show', signal)
  }

  async startRebalance(signal?: AbortSignal): Promise<CallReply<'startRebalance'>> {
    return await this.#dependencies.finder.rebalance('start', signal)
  }

  async stopRebalance(signal?: AbortSignal): Promise<CallReply<'stopRebalance'>> {
    return await this.#dependencies.finder.rebalance('stop', signal)
  }

  async push(
    { name: text, bytes, bytesAnnounced, replace, wait, modifiedMs }: CallRequest<'push'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'push'>> {
    const { share, finder } = this.#dependencies
    const name = parseName(text)
    // The index must first revoke the unshare, or it would ignore the announcement.
    const wasUnshared = share.isUnshared(name)
    if (wasUnshared) await finder.share(name, signal)
    const options = { name, replace, bytesAnnounced, modifiedMs, ...(signal && { signal }) }
    const { content } = await share.receive(bytes, options)
    // The unshare may have been announced again during the upload.
    if (wasUnshared) await finder.share(name, signal)
    else await this.#revokeForcedUnshare(name, signal)
    const copies = wait
      ? await allCopies({ name, sha256: content.sha256 }, this.#dependencies, signal)
      : 0
    return { name, sha256: content.sha256, size: content.size, copies }
  }

  /** Another peer may have unshared the name by force, without this peer knowing. */
  async #revokeForcedUnshare(name: string, signal?: AbortSignal): Promise<void> {
    const { finder, announcer } = this.#dependencies
    // A push needs no index: the file is announced when the index returns.
    if (announcer.connection === undefined) return
    try {
      await finder.share(name, signal)
    } catch (error) {
      if (!hasCode(error, 'INDEX_UNREACHABLE')) throw error
    }
  }

  async unshare(
    { name: text, ...options }: CallRequest<'unshare'>,
    signal?: AbortSignal,
  ): Promise<void> {
    const { share, finder } = this.#dependencies
    const name = parseName(text)
    const isHere = share.get({ kind: 'shared', name }) !== undefined
    const owner = options.owner ?? (isHere ? this.#self.peerId : undefined)
    const request = { name, ...(owner !== undefined && { owner }), force: options.force === true }
    // At the index first: what it acknowledges is durable even if this peer crashes here.
    const { owners } = await finder.unshare(request, signal)
    if (owners.includes(this.#self.peerId)) share.unshare(name)
  }

  async unshareMatching(
    request: CallRequest<'unshareMatching'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'unshareMatching'>> {
    const { finder } = this.#dependencies
    return await unshareMatching(request, {
      match: (page) => finder.match(page, signal),
      unshare: (file) => this.unshare(file, signal),
    })
  }

  async trash(
    { q: query, ...page }: CallRequest<'trash'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'trash'>> {
    return await this.#dependencies.finder.trash({ query, ...page }, signal)
  }

  async emptyTrash(
    request: CallRequest<'emptyTrash'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'emptyTrash'>> {
    return await this.#dependencies.finder.emptyTrash(request, signal)
  }

  async restore(
    request: CallRequest<'restore'>,
    signal?: AbortSignal,
  ): Promise<CallReply<'restore'>> {
    const { finder, restorer, clock } = this.#dependencies
    return await restoreFile(request, signal, {
      finder,
      restorer,
      clock,
      peerId: this.#self.peerId,
    })
  }
}

function sumOf({ download, replication }: Readonly<Record<Purpose, number>>): number {
  return download + replication
}
