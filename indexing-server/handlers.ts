import type { Clock } from '../common/clock.ts'
import { withDeadline } from '../common/deadline.ts'
import { AppError } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { deadlines, limits } from '../common/limits.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { Handlers } from '../common/protocol/handlers.ts'
import type {
  ExplainedContent,
  PeerState,
  ReplyOf,
  RequestOf,
} from '../common/protocol/messages.ts'
import { accuserOf } from './accuser.ts'
import type { Admission } from './admission.ts'
import { notInFuture } from './announced-times.ts'
import type { ChangeFeed } from './changes/change-feed.ts'
import { checkAnnouncement } from './check-announcement.ts'
import type { Decisions } from './decisions.ts'
import type { DoubtDesk } from './doubt-desk.ts'
import type { EventRecorder } from './events/event.ts'
import { eventPage } from './events/event-pages.ts'
import type { PeerEvents } from './events/peer-events.ts'
import type { Fetching } from './fetching.ts'
import { findContent } from './find-content.ts'
import type { Forgetter } from './forgetter.ts'
import type { IntentExchange } from './intent-exchange.ts'
import type { LookupMemory } from './known-files/lookup-memory.ts'
import { listFolder } from './list-folder.ts'
import { lookup } from './lookup.ts'
import { LoopTurns } from './loop-turns.ts'
import { match } from './match.ts'
import { checkOwnership } from './ownership.ts'
import type { NotesOf } from './peer-notes.ts'
import type { PeerPlans } from './peer-plans.ts'
import { type PlanMessage, planHandlers } from './plan-handlers.ts'
import type { ProofDesk } from './proofs/proof-desk.ts'
import { rankContents } from './rank.ts'
import { rebalance } from './rebalancing.ts'
import type { Registry, Session } from './registry.ts'
import type { BrakeWatch } from './replication/brake-watch.ts'
import type { Coordinator } from './replication/coordinator.ts'
import type { DropChecks } from './replication/drop-checks.ts'
import type { Factors } from './replication/factors.ts'
import type { ReplacedVersions } from './replication/replaced-versions.ts'
import type { SurveyPeer } from './replication/safety.ts'
import { type RuleMessage, ruleHandlers } from './replication-rules.ts'
import { type SearchDependencies, search } from './search.ts'
import type { IndexStore, StoredContent } from './store/store.ts'
import type { Trash } from './trash.ts'
import { ownersToUnshare } from './unsharing.ts'
import { versions } from './versions.ts'

export interface HandlerDependencies {
  readonly store: IndexStore
  readonly registry: Registry
  readonly peerEvents: PeerEvents
  readonly fetching: Fetching
  readonly doubts: DoubtDesk
  readonly proofs: Pick<ProofDesk, 'onAnnounced'>
  readonly coordinator: Coordinator
  readonly brake: BrakeWatch
  readonly drops: DropChecks
  readonly replaced: ReplacedVersions
  readonly decisions: Decisions
  readonly exchange: Pick<IntentExchange, 'onIntent' | 'onOtherIntent' | 'taken'>
  readonly factors: Factors
  readonly trash: Trash
  readonly lookups: LookupMemory
  readonly names: SearchDependencies['names']
  readonly plans: PeerPlans
  readonly forgetter: Forgetter
  readonly events: EventRecorder
  readonly survey: SurveyPeer
  readonly notes: NotesOf
  readonly admission: Admission
  readonly changes: Pick<ChangeFeed, 'since' | 'touch'>
  readonly status: () => Promise<ReplyOf<'status'>>
  readonly clock: Clock
}

export type IndexHandlers = Handlers<'peer' | 'client', 'index', Session>

/** The index's answer to each message. */
export function indexHandlers(dependencies: HandlerDependencies): IndexHandlers {
  const { registry, coordinator, brake, drops, changes } = dependencies
  return {
    ...peerHandlers(dependencies),
    ...presenceHandlers(dependencies),
    ...reportHandlers(dependencies),
    ...planHandlers(dependencies),
    async 'confirm-drops'({ copies }, session, signal) {
      const { peerId } = registry.heard(session, 'confirm-drops')
      if (coordinator.hold !== undefined) return { confirmed: copies.map(() => false) }
      return { confirmed: await drops.confirm(peerId, copies, signal) }
    },
    async 'await-changes'({ after }, session, signal) {
      registry.heard(session, 'await-changes')
      return await changes.since(after, signal)
    },
    async 'resume-replication'(_, session) {
      registry.heard(session, 'resume-replication')
      const released = brake.resume()
      coordinator.onResumed()
      return { released }
    },
    ...ruleHandlers(dependencies),
    ...trashHandlers(dependencies),
    async rebalance(request, session) {
      registry.heard(session, 'rebalance')
      return await rebalance(request, coordinator.mover)
    },
    ...queryHandlers(dependencies),
  }
}

type TrashMessage = 'trash' | 'empty-trash' | 'restore' | 'restore-failed'

function trashHandlers({
  registry,
  trash,
  events,
  clock,
}: HandlerDependencies): Pick<IndexHandlers, TrashMessage> {
  const deadline = { deadlineMs: deadlines.requestMs }
  return {
    trash: (request, _, signal) =>
      withDeadline({ ...deadline, what: 'Listing the trash', signal }, clock, (inTime) =>
        trash.list(request, inTime),
      ),
    async 'empty-trash'(request, session, signal) {
      const { peerId } = registry.heard(session, 'empty-trash')
      if (request.force === true) checkOwnership(session, undefined, 'empty-trash')
      return await trash.empty(peerId, request, signal)
    },
    async restore(request, session) {
      const { peerId } = registry.heard(session, 'restore')
      return await trash.restore(peerId, request, (owner) =>
        checkOwnership(session, owner, 'restore'),
      )
    },
    async 'restore-failed'({ name, sha256, reason }, session) {
      const { peerId } = registry.heard(session, 'restore-failed')
      events.record({ kind: 'restore-failed', peerId, name: parseName(name), sha256, reason })
      return {}
    },
  }
}

type PeerMessage =
  | 'await-changes'
  | 'announce'
  | 'heartbeat'
  | 'leave'
  | 'unshare'
  | 'share'
  | 'report'
  | 'progress'
  | 'confirm-drops'
  | 'resume-replication'
  | 'rebalance'
  | 'accuse'
  | 'unreached'
  | 'fetching'
  | PlanMessage

/** Messages that only a registered peer may send. */
function peerHandlers(
  dependencies: HandlerDependencies,
): Pick<
  IndexHandlers,
  Exclude<
    PeerMessage,
    | 'await-changes'
    | 'confirm-drops'
    | 'resume-replication'
    | 'rebalance'
    | 'accuse'
    | 'unreached'
    | 'heartbeat'
    | 'leave'
    | PlanMessage
  >
> {
  const { store, registry, fetching, coordinator, brake, decisions, exchange, doubts, clock } =
    dependencies
  return {
    async announce(announcement, session) {
      const { peerId } = registry.heard(session, 'announce')
      checkAnnouncement(announcement)
      const changes = notInFuture(announcement.changes, clock.nowMs())
      // What the peer keeps may say that some of its copies are no longer wanted.
      await exchange.taken(peerId)
      const announced = await store.announce({ ...announcement, changes, peerId })
      registry.onAnnounced(peerId, announced)
      brake.onAnnounced(peerId, announcement)
      decisions.onWritten(announced)
      await doubts.onAnnounced(peerId, announcement)
      await dependencies.proofs.onAnnounced(peerId, announcement, announced)
      return { seenSeq: announced.seenSeq }
    },
    async unshare(request, session) {
      const { peerId } = registry.heard(session, 'unshare')
      const check = (owner: string): void => checkOwnership(session, owner, 'unshare')
      return { owners: await unshared(peerId, request, check, dependencies) }
    },
    async share({ name }, session) {
      const { peerId } = registry.heard(session, 'share')
      decisions.onWritten(await store.share({ owner: peerId, name: parseName(name) }))
      return {}
    },
    async report({ outcomes }, session) {
      coordinator.report(registry.heard(session, 'report').peerId, outcomes)
      return {}
    },
    async progress({ tasks }, session) {
      coordinator.onProgress(registry.heard(session, 'progress').peerId, tasks)
      return {}
    },
    async fetching({ contents }, session) {
      registry.heard(session, 'fetching')
      fetching.set(session, contents)
      return {}
    },
  }
}

/** @returns the peers whose files of this name are no longer shared */
async function unshared(
  peerId: string,
  request: RequestOf<'unshare'>,
  check: (owner: string) => void,
  { store, registry, decisions, events, trash }: HandlerDependencies,
): Promise<string[]> {
  const name = parseName(request.name)
  const known = await store.namesakes(name, limits.ownersPerNameMax)
  if (request.owner !== peerId && known.owners.length === 0 && !known.isListedByDownloads)
    throw await trash.absence(name, new AppError('NOT_SHARED', { name }))
  const stateOf = (owner: string): PeerState => registry.peerOf(owner)?.state ?? 'dead'
  const owners = ownersToUnshare(peerId, { ...request, name }, known, stateOf)
  owners.forEach(check)
  for (const owner of owners) {
    decisions.onWritten(await store.unshare({ owner, name }))
    const otherPeerId = owner === peerId ? undefined : owner
    events.record({ kind: 'unshared', peerId, otherPeerId, name })
  }
  return [...owners]
}

/** What peers report about their presence. */
function presenceHandlers({
  registry,
  coordinator,
  peerEvents,
  doubts,
  changes,
  exchange,
}: HandlerDependencies): Pick<IndexHandlers, 'heartbeat' | 'leave'> {
  return {
    async heartbeat(heartbeat, session) {
      const { peerId, capacityBytes } = registry.heard(session, 'heartbeat')
      if (registry.onHeartbeat(peerId, heartbeat)) changes.touch('peers')
      if (heartbeat.capacityBytes !== capacityBytes) coordinator.onCapacity()
      const { intent, otherIntent } = heartbeat
      if (intent !== undefined) exchange.onIntent(peerId, intent)
      if (otherIntent !== undefined) exchange.onOtherIntent(peerId, otherIntent)
      await doubts.onHeartbeat(peerId)
      return {}
    },
    async leave({ forGood = false }, session) {
      const { peerId } = registry.heard(session, 'leave')
      peerEvents.onLeave(peerId, { forGood })
      await registry.leave(peerId, { forGood })
      return {}
    },
  }
}

/** What peers report about other peers. */
function reportHandlers({
  registry,
  doubts,
}: HandlerDependencies): Pick<IndexHandlers, 'accuse' | 'unreached'> {
  return {
    async accuse({ peerId, sha256 }, session) {
      const accuser = registry.heard(session, 'accuse').peerId
      registry.accuse({ session, peerId, sha256 })
      const accuserHost = accuserOf(session.connection)
      if (accuser !== peerId) await doubts.accuse({ peerId, sha256, accuser, accuserHost })
      return {}
    },
    async unreached({ peerId }, session) {
      registry.heard(session, 'unreached')
      registry.onUnreached(peerId)
      return {}
    },
  }
}

/** Queries that any role may send. */
function queryHandlers(
  dependencies: HandlerDependencies,
): Omit<IndexHandlers, PeerMessage | RuleMessage | TrashMessage> {
  const { store, registry, replaced, trash, status, notes, clock, names, admission } = dependencies
  const peerOf = registry.peerOf.bind(registry)
  const looking = { ...dependencies, peerOf }
  const searching = { store, peerOf, turns: new LoopTurns(), clock, names }
  const costly =
    <Request, Reply>(answer: (request: Request, signal: AbortSignal) => Promise<Reply>) =>
    (request: Request, { connection }: Session, signal: AbortSignal): Promise<Reply> =>
      admission.admitCostly(connection, () =>
        // The requester does not wait longer than this.
        withDeadline(
          { what: 'The query', deadlineMs: deadlines.requestMs, signal },
          clock,
          (inTime) => answer(request, inTime),
        ),
      )
  return {
    lookup(request, session) {
      admission.admitQuick()
      return lookup(request, session, looking)
    },
    'find-content': costly((request) => findContent(request, dependencies)),
    why: costly((request) => why(request, dependencies)),
    versions: costly((request) => versions(request, replaced, { store, peerOf, trash })),
    search: costly((request, signal) => search(request, searching, signal)),
    match: costly((request, signal) => match(request, searching, signal)),
    'list-folder': costly((request, signal) => listFolder(request, searching, signal)),
    events: costly((request) => eventPage(request, store)),
    async peers({ limit, after }) {
      const found = registry.list(after, limit + 1)
      const noted = found.slice(0, limit).map((info) => {
        const peer = registry.peerOf(info.peerId)
        return peer === undefined ? info : { ...info, ...notes(peer) }
      })
      const peers = thatFitFrame(noted)
      const next = found.length > peers.length ? peers.at(-1)?.peerId : undefined
      return next === undefined ? { peers } : { peers, next }
    },
    status,
  }
}

/** @throws AppError NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED */
async function why(
  request: RequestOf<'why'>,
  { store, registry, coordinator, trash }: HandlerDependencies,
): Promise<ReplyOf<'why'>> {
  const name = parseName(request.name)
  const peerOf = registry.peerOf.bind(registry)
  const named = await store.contentsNamed(name, limits.contentsPerNameMax)
  if (named.length === 0) throw await trash.absence(name)
  const contents: ExplainedContent[] = []
  for (const content of rankContents(named, peerOf)) {
    const { contentId, sha256, size } = content
    const copies = await store.copiesOf(contentId, limits.sourcesPerContentMax)
    const stated = copies.map((copy) => ({
      ...copy,
      state: peerOf(copy.peerId)?.state ?? 'dead',
      ...(isUnproven(content, copy.peerId) && { unproven: true }),
    }))
    contents.push({ sha256, size, ...coordinator.explain(content), copies: stated })
  }
  const listed = await store.versionsNamed(name, { limit: limits.versionsListedMax })
  const replaced = listed.filter(({ replacedMs }) => replacedMs !== undefined).length
  return {
    contents: thatFitFrame(contents),
    ...(replaced === 0 ? {} : { replacedVersions: replaced }),
  }
}

function isUnproven({ holders }: Pick<StoredContent, 'holders'>, peerId: string): boolean {
  return holders.some((holder) => holder.peerId === peerId && holder.isUnproven === true)
}
