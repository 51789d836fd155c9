import type { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { reasonOf } from '../common/errors.ts'
import { mayChange, mayChangeAll, ownerOfDecision } from '../common/identity/change-rights.ts'
import { deadlines, limits } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { IntentState } from '../common/protocol/messages.ts'
import { SerialQueue } from '../common/serial-queue.ts'
import { WakeUp } from '../common/wake-up.ts'
import type { Decisions } from './decisions.ts'
import type { EventRecorder } from './events/event.ts'
import type { PeerRequests } from './peer-requests.ts'
import { type IntentRecord, readRecord } from './store/intent-kinds.ts'
import type { IndexStore } from './store/store.ts'

/** Decisions within this time are sent together. */
const sendDelayMs = 500
/** Peers that are sent decisions at the same time: a page is up to 1 MiB. */
const sendsAtOnce = 4
/** A peer that could not keep decisions, for example on a full disk, is sent them again. */
const sendRetryMs = 60_000

interface Dependencies {
  readonly store: Pick<
    IndexStore,
    | 'isRecovering'
    | 'intentState'
    | 'intentSince'
    | 'intentSources'
    | 'recordIntentSource'
    | 'forkIntentLog'
    | 'mergeIntent'
    | 'lackedIntent'
  >
  readonly requests: () => Pick<
    PeerRequests,
    'isConnected' | 'keepIntent' | 'provenOf' | 'readIntent'
  >
  readonly decisions: () => Pick<Decisions, 'onWritten'>
  /** Whether others decide, too, as in a mesh: their decisions are always read. */
  readonly isOneOfMany: boolean
  readonly background: BackgroundWork
  readonly events: EventRecorder
  readonly clock: Clock
  readonly log: Log
}

/** What is read from a peer. */
interface Reading {
  readonly peerId: string
  readonly intent: IntentState
  /** If it is not the log kept for this index. */
  readonly otherLog?: string
}

/** A registered peer. */
interface Keeper {
  readonly peerId: string
  /** What it kept when it registered. */
  readonly intent: IntentState | undefined
  /** Until its decisions were read, if this index lacks some; then undefined. */
  taking: Promise<void> | undefined
  /** Whether what it keeps may be replaced. */
  isTaken: boolean
  /** Up to which revision of this log it is complete; undefined if it keeps another log. */
  revision: number | undefined
}

/**
 * Keeps a copy of the intent log on every registered peer, and reads those copies back: after this
 * index has lost its disk, or got an older copy of it.
 *
 * What a peer keeps is read before the peer's announcements are applied and before it is replaced.
 * Whose it is decides whether it is read: a log that this one continues always, any other only while
 * this database is so new that it may replace a lost one (docs/decisions/0024). What another index
 * decides while this one is away (docs/decisions/0043) is read from its log as peers keep it: from
 * where that log was when this index first heard of it.
 *
 * Where identities are proven, a peer that is no admin is believed only what it may decide: about itself. How
 * far it was read is not recorded as read from the log: an admin may keep the same log.
 */
export class IntentExchange {
  readonly #dependencies: Dependencies
  readonly #keepers = new Map<string, Keeper>()
  /** By peer: what it keeps for another index, as last told. */
  readonly #others = new Map<string, IntentState>()
  /** Reads from one peer at a time: most others have nothing to add then. */
  readonly #reads = new SerialQueue()
  /** The same, page by page, of peers that are no admins: one that answers slowly holds up no other. */
  readonly #pages = new SerialQueue()
  /** How far those were read, by peer and by which of its logs. */
  readonly #readUpTo = new Map<string, IntentState>()
  /** By log: this one was continued under another name. */
  readonly #forks = new Map<string, Promise<void>>()
  readonly #wakeUp = new WakeUp()
  #isWoken = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  start(): void {
    const { background } = this.#dependencies
    background.start('have peers keep decisions', (signal) => this.#run(signal))
  }

  /** @param other what the peer keeps for another index */
  onRegistered(peerId: string, intent: IntentState | undefined, other?: IntentState): void {
    const keeper: Keeper = {
      peerId,
      intent,
      taking: undefined,
      isTaken: false,
      revision: undefined,
    }
    this.#keepers.set(peerId, keeper)
    const { promise, resolve } = Promise.withResolvers<void>()
    keeper.taking = promise
    this.#dependencies.background.start('read the decisions that a peer keeps', async (signal) => {
      try {
        await this.#take(keeper, signal)
        if (other !== undefined) await this.#takeOther(peerId, other, signal)
        this.#wake()
      } finally {
        keeper.taking = undefined
        resolve()
      }
    })
  }

  /** A member of a mesh has made or heard of decisions since it registered. */
  onIntent(peerId: string, intent: IntentState): void {
    const before = this.#keepers.get(peerId)?.intent
    if (before?.logId === intent.logId && before.revision >= intent.revision) return
    this.onRegistered(peerId, intent)
  }

  /** Another index, for which a peer keeps decisions, has made or heard of some. */
  onOtherIntent(peerId: string, intent: IntentState): void {
    const before = this.#others.get(peerId)
    if (before?.logId === intent.logId && before.revision >= intent.revision) return
    this.#dependencies.background.start('read the decisions of another index', (signal) =>
      this.#takeOther(peerId, intent, signal),
    )
  }

  /** Resolves when no decision that the peer keeps is missing here, or it could not be read. */
  async taken(peerId: string): Promise<void> {
    await this.#keepers.get(peerId)?.taking
  }

  /** Registered peers that keep all decisions, and those that lack some. */
  async counts(): Promise<{ complete: number; behind: number }> {
    const { revision } = await this.#dependencies.store.intentState()
    const keepers = this.#connectedKeepers()
    const behind = keepers.filter((keeper) => isBehind(keeper, revision)).length
    return { complete: keepers.length - behind, behind }
  }

  /** The log has new records. */
  onDecided(): void {
    this.#wake()
  }

  #wake(): void {
    this.#isWoken = true
    this.#wakeUp.notify()
  }

  /** Reads what the peer keeps, if this index may lack it. Never throws. */
  async #take(keeper: Keeper, signal: AbortSignal): Promise<void> {
    const { store, log } = this.#dependencies
    const { peerId, intent } = keeper
    try {
      await this.#inTurn(peerId, async () => {
        if (this.#keepers.get(peerId) !== keeper) return
        const own = await store.intentState()
        const isOwn = intent?.logId === own.logId
        if (isOwn && intent.revision <= own.revision) keeper.revision = intent.revision
        else if (intent !== undefined) {
          if (isOwn) await this.#fork(peerId, own)
          await this.#readLacking({ peerId, intent }, signal)
        }
        keeper.isTaken = true
      })
    } catch (error) {
      // What it keeps is not replaced. It registers again, or is asked after a restart.
      log.warn({ peerId, reason: reasonOf(error) }, 'the decisions that a peer keeps were not read')
    }
  }

  /** Reads what a peer keeps for another index, as far as it is not known here. Never throws. */
  async #takeOther(peerId: string, intent: IntentState, signal: AbortSignal): Promise<void> {
    const { store, isOneOfMany, log } = this.#dependencies
    const { logId, revision } = intent
    this.#others.set(peerId, intent)
    try {
      await this.#inTurn(peerId, async () => {
        if ((await store.intentState()).logId === logId) return
        const isKnown = (await store.intentSources()).has(logId)
        // What was decided before, perhaps in another cluster, is no concern of this one.
        const isNew = !isKnown && !isOneOfMany && !store.isRecovering
        if (isNew && this.#mayDecideAll(peerId)) await store.recordIntentSource(logId, revision)
        else await this.#readLacking({ peerId, intent, otherLog: logId }, signal)
      })
    } catch (error) {
      this.#others.delete(peerId)
      log.warn({ peerId, reason: reasonOf(error) }, 'decisions of another index were not read')
    }
  }

  /** @throws AppError NOT_REGISTERED if the peer has no connection */
  #mayDecideAll(peerId: string): boolean {
    return mayChangeAll(this.#dependencies.requests().provenOf(peerId))
  }

  async #inTurn(peerId: string, work: () => Promise<void>): Promise<void> {
    await (this.#mayDecideAll(peerId) ? this.#reads.run(work) : work())
  }

  /**
   * This database is older than what peers have of it: from here on, the numbers differ. A database is
   * replaced while no index runs, so that one peer that is no admin has this done once in a run.
   */
  async #fork(peerId: string, { logId, revision }: IntentState): Promise<void> {
    const { store, log } = this.#dependencies
    if (!this.#forks.has(logId)) {
      if (this.#forks.size > 0 && !this.#mayDecideAll(peerId))
        throw new Error('it claims later decisions than were made')
      log.warn(
        { peerId, logId, revision },
        'peers keep later decisions: the database is an older copy',
      )
      this.#forks.set(logId, store.forkIntentLog())
    }
    try {
      await this.#forks.get(logId)
    } catch (error) {
      this.#forks.delete(logId)
      throw error
    }
  }

  async #readLacking(reading: Reading, signal: AbortSignal): Promise<void> {
    const { store, isOneOfMany, events, log } = this.#dependencies
    const { peerId, otherLog } = reading
    const { logId, revision } = reading.intent
    const isTrusted = this.#mayDecideAll(peerId)
    const source = (await store.intentSources()).get(logId)
    if (source === undefined && otherLog === undefined && !store.isRecovering && !isOneOfMany)
      return log.info({ peerId, logId }, 'a peer keeps the decisions of another cluster')
    const read = { records: 0, merged: 0, refused: 0 }
    const before = isTrusted ? undefined : this.#readUpTo.get(placeOf(reading))
    let after = Math.max(source ?? 0, before?.logId === logId ? before.revision : 0)
    try {
      while (after < revision && (isTrusted || read.records < limits.intentRecordsMax)) {
        const last = await this.#readPage(reading, { after, isTrusted, read }, signal)
        if (last !== undefined && last <= after) break
        after = last ?? revision
        if (isTrusted) await store.recordIntentSource(logId, after)
        else this.#readUpTo.set(placeOf(reading), { logId, revision: after })
      }
    } finally {
      if (read.refused > 0) this.#onRefused(reading, read.refused)
    }
    if (read.merged === 0 || isOneOfMany || otherLog !== undefined) return
    log.info({ peerId, logId, merged: read.merged }, 'read decisions that a peer kept')
    events.record({ kind: 'decisions-restored', peerId, reason: decisionCount(read.merged) })
  }

  /**
   * Takes over what a peer may decide of a page.
   * @returns the last revision of the page; undefined if it is empty
   */
  async #readPage(
    { peerId, otherLog }: Reading,
    {
      after,
      isTrusted,
      read,
    }: {
      after: number
      isTrusted: boolean
      read: { records: number; merged: number; refused: number }
    },
    signal: AbortSignal,
  ): Promise<number | undefined> {
    const { store, requests, decisions } = this.#dependencies
    const limit = limits.intentRecordsPerPage
    const options = { after, limit, ...(otherLog !== undefined && { logId: otherLog }) }
    const ask = async () => {
      const proven = requests().provenOf(peerId)
      if (mayChangeAll(proven) !== isTrusted) throw new Error('it has another role now')
      return { proven, ...(await requests().readIntent(peerId, options, signal)) }
    }
    const { proven, ...page } = await (isTrusted ? ask() : this.#pages.run(ask))
    const last = page.records.at(-1)?.revision
    if (last !== undefined && last <= after) return last
    const records = page.records.flatMap((record) => readRecord(record) ?? [])
    const isBelieved = (record: IntentRecord): boolean => mayChange(proven, ownerOfDecision(record))
    const believed = records.filter(isBelieved)
    const isOwnLog = isTrusted && otherLog === undefined
    const touched = await store.mergeIntent(this.#inTime(peerId, believed, isOwnLog))
    decisions().onWritten(touched)
    read.records += page.records.length
    read.merged += touched.intent.length
    if (believed.length < records.length)
      read.refused += await store.lackedIntent(records.filter((record) => !isBelieved(record)))
    return last
  }

  /** Decisions that would have been taken over from an admin. */
  #onRefused({ peerId, intent: { logId } }: Reading, refused: number): void {
    const { events, log } = this.#dependencies
    const what =
      'decisions that a peer keeps are not believed: they are not its own, and it is no admin'
    log.warn({ peerId, logId, refused }, what)
    const reason = `only an admin may make or keep them: ${decisionCount(refused)}`
    events.record({ kind: 'decisions-refused', peerId, reason })
  }

  /**
   * Of the decisions of others, those that are not from the future: such ones would win over all that are
   * made in the meantime. An index alone reads its own back, whatever its clock says now.
   */
  #inTime(peerId: string, records: readonly IntentRecord[], isOwnLog: boolean): IntentRecord[] {
    const { clock, log, isOneOfMany } = this.#dependencies
    if (isOwnLog && !isOneOfMany) return [...records]
    const nowMs = clock.nowMs()
    const aheadMs = Math.max(...records.map(({ changedMs }) => changedMs - nowMs))
    if (aheadMs <= deadlines.clockAheadNoticeMs) return [...records]
    const believed = records.filter(
      ({ changedMs }) => changedMs - nowMs <= deadlines.clockAheadMsMax,
    )
    const refused = records.length - believed.length
    const what = 'decisions of another member are from the future: a clock is wrong'
    log.warn({ peerId, aheadMs: Math.round(aheadMs), refused }, what)
    return believed
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      await this.#wakeUp.until(() => this.#isWoken || undefined, signal)
      await clock.sleep(sendDelayMs, signal)
      this.#isWoken = false
      try {
        await this.#sendAll(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ reason: reasonOf(error) }, 'decisions were not sent to the peers')
        clock.after(sendRetryMs, () => this.#wake())
      }
    }
  }

  /** Those that are gone register again. */
  #connectedKeepers(): Keeper[] {
    const requests = this.#dependencies.requests()
    for (const peerId of this.#keepers.keys())
      if (!requests.isConnected(peerId)) {
        this.#keepers.delete(peerId)
        this.#others.delete(peerId)
      }
    return [...this.#keepers.values()]
  }

  async #sendAll(signal: AbortSignal): Promise<void> {
    const { revision } = await this.#dependencies.store.intentState()
    const behind = this.#connectedKeepers()
      .filter((keeper) => keeper.isTaken && isBehind(keeper, revision))
      .values()
    const send = async (): Promise<void> => {
      for (const keeper of behind) await this.#send(keeper, signal)
    }
    await Promise.all(Array.from({ length: sendsAtOnce }, send))
  }

  /** Sends a peer everything that it lacks. */
  async #send(keeper: Keeper, signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    const { peerId } = keeper
    try {
      for (let after = keeper.revision ?? 0, isLast = false; !isLast; ) {
        const page = await this.#pageAfter(after)
        const kept = await this.#dependencies.requests().keepIntent(peerId, page, signal)
        isLast = page.isLast && kept === page.revision
        // It has lost what it had, and gets it again, once.
        if (kept !== page.revision && kept >= after) throw new Error(`it keeps ${kept}`)
        after = kept
        if (keeper.revision !== undefined || isLast) keeper.revision = kept
      }
    } catch (error) {
      signal.throwIfAborted()
      log.debug({ peerId, reason: reasonOf(error) }, 'a peer did not keep the decisions')
      clock.after(sendRetryMs, () => this.#wake())
    }
  }

  async #pageAfter(after: number): Promise<Parameters<PeerRequests['keepIntent']>[1]> {
    const { store } = this.#dependencies
    const { logId, revision } = await store.intentState()
    const records = thatFitFrame(await store.intentSince(after, limits.intentRecordsPerPage))
    const last = records.at(-1)?.revision ?? revision
    const isLast = last >= revision
    return { logId, after, revision: last, isLast, records }
  }
}

function placeOf({ peerId, otherLog }: Reading): string {
  return otherLog === undefined ? peerId : `${peerId}/other`
}

function decisionCount(count: number): string {
  return count === 1 ? '1 decision' : `${count} decisions`
}

function isBehind({ revision: has }: Keeper, revision: number): boolean {
  return has === undefined || has < revision
}
