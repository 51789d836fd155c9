import { AppError, hasCode, toAppError } from '../../../common/errors.ts'
import { problemOf } from '../../../common/http-problem.ts'
import type { AwaitedChanges } from '../../../common/protocol/change-messages.ts'
import type { RunningTransfer } from '../../../common/protocol/history-messages.ts'
import type { CallReply, PeerApi } from '../../api/calls.ts'
import type { Download } from '../../api/download-shapes.ts'
import { allPeers } from '../../api/pages.ts'
import type { Audience, LiveDependencies } from './audience.ts'
import { frameOf, rowsFrames } from './frames.ts'
import { MissedEvents } from './missed-events.ts'
import { PublishedRows } from './published-rows.ts'
import { Refresher } from './refresher.ts'

type PeerRow = CallReply<'peers'>['peers'][number]

/** What the feed reads. */
export interface LiveSources {
  readonly api: Pick<PeerApi, 'events' | 'peers' | 'status'>
  readonly index: {
    /** Why there is no connection to the index; undefined if there is one. */
    readonly absence: AppError | undefined
    /**
     * What has changed since a cursor, as soon as there is a connection and something has.
     * @throws AppError why the index refuses this peer, CONNECTION_CLOSED; or the signal's reason
     */
    awaitChanges(after: string | undefined, signal: AbortSignal): Promise<AwaitedChanges>
  }
  readonly downloads: {
    /** Increases with each change of a download but its progress. */
    readonly version: number
    /** Those that are running, or have changed since a version. */
    changedSince(version: number): Download[]
    /** Whether it is still listed. */
    has(id: string): boolean
  }
  /** What this peer sends and receives now. */
  running(): RunningTransfer[]
  /** Calls `listener` with queries made at this peer and samples for charts; returns what ends that. */
  listen(listener: HistoryListener): () => void
  /** What `status` says of this peer without asking the index; compared as JSON. */
  localStatus(): unknown
}

interface HistoryListener {
  onQueries(rows: readonly object[]): void
  onSample(sample: object): void
}

/** Interval of looking at what this peer does: downloads, and transfers every other time. */
const tickMs = 500
const ticksPerTransfers = 2
/** Interval of reading the peers and the status although the index reports no change: for durations. */
const rereadMs = 5_000
const statusEveryMs = 500
const peersEveryMs = 500
const filesEveryMs = 500
/** Pause before the index is asked again after an error. */
const retryMs = 500
/** Two messages of one peer within this time are not told apart. */
const silenceStepMs = 2_000

/**
 * Publishes what changes, in the cluster and at this peer, to all clients: each event is read and
 * serialized once. Exists while there is a client.
 */
export class LiveFeed {
  readonly #sources: LiveSources
  readonly #audience: Audience
  readonly #dependencies: LiveDependencies
  readonly #missed: MissedEvents
  readonly #peers: PublishedRows<PeerRow>
  readonly #downloads = new PublishedRows<Download>(({ id }) => id)
  #downloadsVersion = -1
  #transfers = '[]'
  #localStatus = ''
  #status: string | undefined
  #filesVersion: number
  readonly #refreshers = {
    status: new Refresher('status', statusEveryMs, (signal) => this.#readStatus(signal)),
    peers: new Refresher('peers', peersEveryMs, (signal) => this.#readPeers(signal)),
    files: new Refresher('files', filesEveryMs, async () => this.#publishFiles()),
    events: new Refresher('events', 0, (signal) => this.#missed.publish(signal)),
  }

  constructor(sources: LiveSources, audience: Audience, dependencies: LiveDependencies) {
    this.#sources = sources
    this.#audience = audience
    this.#dependencies = dependencies
    const { clock } = dependencies
    this.#missed = new MissedEvents(sources.api, audience)
    this.#peers = new PublishedRows(
      ({ peerId }) => peerId,
      ({ silentMs, ...row }) => [row, Math.round((clock.monotonicMs() - silentMs) / silenceStepMs)],
    )
    this.#filesVersion = Math.round(clock.nowMs())
  }

  /** Runs until the signal is aborted. @throws the signal's reason */
  async run(signal: AbortSignal): Promise<void> {
    const refreshing = Object.values(this.#refreshers).map((refresher) =>
      refresher.run(signal, this.#dependencies),
    )
    const stopListening = this.#sources.listen({
      onQueries: (rows) => rows.forEach((row) => this.#audience.publish(rowFrame('query', row))),
      onSample: (sample) => this.#audience.publish(rowFrame('sample', sample)),
    })
    try {
      await Promise.all([this.#followIndex(signal), this.#watchPeer(signal), ...refreshing])
    } finally {
      stopListening()
    }
  }

  /** What a new client is sent: the present state, as far as it is known. */
  state(): Buffer[] {
    const peers = this.#peers.all
    return [
      ...(this.#status === undefined ? [] : [frameOf('status', this.#status)]),
      ...(peers.length === 0 ? [] : rowsFrames('peers', peers, [])),
      ...rowsFrames('downloads', this.#downloads.all, []),
      frameOf('transfers', this.#transfers),
      this.#filesFrame(),
    ]
  }

  /** A client wants the events after a cursor. */
  onClient(): void {
    this.#refreshers.events.ask()
  }

  async #followIndex(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    const { index } = this.#sources
    for (let after: string | undefined; ; ) {
      try {
        if (index.absence !== undefined) this.#publishAbsence(index.absence)
        const { cursor, topics } = await index.awaitChanges(after, signal)
        after = cursor
        for (const topic of topics) this.#refreshers[topic].ask()
      } catch (error) {
        signal.throwIfAborted()
        after = undefined
        this.#publishAbsence(index.absence ?? toAppError(error))
        await clock.sleep(retryMs, signal)
      }
    }
  }

  async #watchPeer(signal: AbortSignal): Promise<void> {
    const { clock } = this.#dependencies
    let rereadAtMs = clock.monotonicMs() + rereadMs
    for (let tick = 0; ; tick++) {
      this.#publishDownloads()
      if (tick % ticksPerTransfers === 0) this.#publishTransfers()
      this.#compareLocalStatus()
      const nowMs = clock.monotonicMs()
      if (nowMs >= rereadAtMs && this.#sources.index.absence === undefined) {
        rereadAtMs = nowMs + rereadMs
        this.#refreshers.peers.ask()
        this.#refreshers.status.ask()
      }
      await clock.sleep(tickMs, signal)
    }
  }

  #publishDownloads(): void {
    const { downloads } = this.#sources
    const { version } = downloads
    const changed = this.#downloads.changed(downloads.changedSince(this.#downloadsVersion))
    const isSame = version === this.#downloadsVersion
    const removed = isSame ? [] : this.#downloads.removed((id) => downloads.has(id))
    this.#downloadsVersion = version
    this.#publishRows('downloads', changed, removed)
  }

  /** While any runs; none once, when the last has ended. */
  #publishTransfers(): void {
    const transfers = JSON.stringify(this.#sources.running())
    if (transfers === this.#transfers) return
    this.#transfers = transfers
    this.#audience.publish(frameOf('transfers', transfers))
  }

  #compareLocalStatus(): void {
    const local = JSON.stringify(this.#sources.localStatus())
    if (local !== this.#localStatus) this.#refreshers.status.ask()
    this.#localStatus = local
  }

  async #readStatus(signal: AbortSignal): Promise<void> {
    const { api, index } = this.#sources
    if (index.absence !== undefined) return
    const status = await api.status(signal).catch((error: unknown) => {
      if (hasCode(error, 'INDEX_UNREACHABLE')) return undefined
      throw error
    })
    if (status !== undefined) this.#publishStatus(JSON.stringify(status))
  }

  #publishAbsence(error: AppError): void {
    this.#publishStatus(JSON.stringify(problemOf(error, { url: '/api/status' })))
  }

  #publishStatus(status: string): void {
    if (status === this.#status) return
    this.#status = status
    this.#audience.publish(frameOf('status', status))
  }

  async #readPeers(signal: AbortSignal): Promise<void> {
    const peers = await allPeers(this.#sources.api, signal)
    const changed = this.#peers.changed(peers)
    const ids = new Set(peers.map(({ peerId }) => peerId))
    const removed = this.#peers.removed((id) => ids.has(id))
    this.#publishRows('peers', changed, removed)
  }

  #publishRows(
    event: 'downloads' | 'peers',
    changed: readonly string[],
    removed: readonly string[],
  ): void {
    if (changed.length + removed.length === 0) return
    for (const frame of rowsFrames(event, changed, removed)) this.#audience.publish(frame)
  }

  #publishFiles(): void {
    this.#filesVersion++
    this.#audience.publish(this.#filesFrame())
  }

  #filesFrame(): Buffer {
    return frameOf('files', JSON.stringify({ version: this.#filesVersion }))
  }
}

function rowFrame(event: 'query' | 'sample', row: object): Buffer {
  return frameOf(event, JSON.stringify(row))
}
