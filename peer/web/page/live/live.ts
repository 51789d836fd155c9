import { batch, type Signal, signal } from '@preact/signals'
import type { Client } from '../api/client.ts'
import { everyRow } from '../api/every-row.ts'
import { isAbort, isCode, problemOf, sentenceOf } from '../api/problem.ts'
import type { PageClock } from '../clock.ts'
import { EventParser, type ServerEvent } from './event-parser.ts'
import type { Connection, Download, KnownPeer, Peer, Status, Transfer } from './live-types.ts'
import { hiddenMs, pollMs, reconnectDelayMs, stableMs, streamSilentMs } from './reconnect-policy.ts'

export interface LiveDependencies {
  readonly client: Client
  readonly clock: PageClock
  /** In [0, 1). */
  readonly random: () => number
}

/** Rows of a list that are new or other than before, and the ids of those that are gone. */
interface Changes<Row> {
  readonly changed: readonly Row[]
  readonly removed: readonly string[]
}

/** Receives the events of one type. `data` is what the peer sent, parsed. */
export type Listener = (data: unknown, id: string | undefined) => void

/**
 * The state of the cluster, current by server-sent events. Without a stream the peer is asked every
 * few seconds instead; `connection` says which, and since when nothing is current.
 */
export class Live {
  readonly connection: Signal<Connection> = signal<Connection>({ state: 'connecting' })
  readonly peerId = signal('')
  readonly status = signal<Status | undefined>(undefined)
  /** Why the state of the cluster is unknown, such as an index that does not answer; empty if known. */
  readonly clusterFailure = signal('')
  /** By peer id; undefined until known. */
  readonly peers = signal<ReadonlyMap<string, KnownPeer> | undefined>(undefined)
  /** By id, in the order of the peer: oldest first. */
  readonly downloads = signal<ReadonlyMap<string, Download>>(new Map())
  /** What this peer sends and receives now; undefined until known. */
  readonly transfers = signal<readonly Transfer[] | undefined>(undefined)
  /** Increases with each answer while there is no stream: what only the stream tells is asked again. */
  readonly polls = signal(0)
  /** Increases when names, contents or copies changed anywhere: lists of files ask again. */
  readonly filesVersion = signal(0)

  readonly #client: Client
  readonly #clock: PageClock
  readonly #random: () => number
  readonly #listeners = new Map<string, Set<Listener>>()
  /** Aborted by `stop`. */
  #life: AbortController | undefined
  /** Ends the stream, or the wait for the next attempt. */
  #wake = new AbortController()
  /** Types of events of which this connection has sent all rows. */
  readonly #hasAll = new Set<string>()
  #cancelHide = (): void => {}
  #lastEventId: string | undefined
  #failures = 0

  constructor({ client, clock, random }: LiveDependencies) {
    this.#client = client
    this.#clock = clock
    this.#random = random
  }

  /** Connects, and reconnects until `stop`. */
  start(): void {
    if (this.#life?.signal.aborted === false) return
    const life = new AbortController()
    this.#life = life
    if (this.connection.value.state === 'live') this.connection.value = { state: 'connecting' }
    this.#run(life.signal).catch(() => life.abort())
  }

  stop(): void {
    this.#life?.abort()
  }

  /**
   * Disconnects while the page is hidden, after a while: a browser has six connections to a peer for
   * all its tabs.
   */
  onVisible(isVisible: boolean): void {
    this.#cancelHide()
    this.#cancelHide = (): void => {}
    if (isVisible) return this.start()
    this.#cancelHide = this.#clock.after(hiddenMs, () => this.stop())
  }

  /** Connects immediately instead of after the back-off. */
  retry(): void {
    this.#failures = 0
    this.#wake.abort()
    this.start()
  }

  /** @returns what ends the subscription */
  on(type: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(type) ?? new Set()
    this.#listeners.set(type, listeners.add(listener))
    return () => listeners.delete(listener)
  }

  /**
   * Shows the download that the peer answers with, before the stream tells of it. The stream may tell
   * of it even before the answer is here, and is right then.
   * @throws what `answer` rejects with
   */
  async noteDownload(answer: Promise<Download>): Promise<void> {
    const before = this.downloads.value
    const download = await answer
    const { value: known } = this.downloads
    if (known.get(download.id) !== before.get(download.id)) return
    this.downloads.value = new Map(known).set(download.id, download)
  }

  /**
   * Asks for the downloads again, after one was removed from the list; what the stream tells
   * meanwhile is newer.
   */
  async refreshDownloads(): Promise<void> {
    const before = this.downloads.value
    const changed = await this.#allDownloads()
    if (this.downloads.value === before) this.#takeDownloads({ changed, removed: [] }, true)
  }

  async #run(life: AbortSignal): Promise<void> {
    while (!life.aborted) {
      await this.#stream(life)
      this.#failures += 1
      await this.#poll(life)
      const delayMs = reconnectDelayMs(this.#failures, this.#random())
      // A stream that was cut is tried again soon; one that cannot be had is not tried as often.
      const isPolling = this.connection.value.state === 'polling' && this.#failures > 1
      await this.#sleep(isPolling ? Math.max(delayMs, pollMs) : delayMs, life)
    }
  }

  /** Takes events until the stream ends. */
  async #stream(life: AbortSignal): Promise<void> {
    const silent = new AbortController()
    const startMs = this.#clock.nowMs()
    const resume = this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }
    let cancelWatch = (): void => {}
    const watch = (): void => {
      cancelWatch()
      cancelWatch = this.#clock.after(streamSilentMs, () => silent.abort())
    }
    watch()
    try {
      const headers = { accept: 'text/event-stream', ...resume }
      const reply = await this.#client.request('GET', '/api/events', {
        headers,
        signal: AbortSignal.any([life, this.#newWake(), silent.signal]),
      })
      const isStream = reply.headers.get('content-type')?.startsWith('text/event-stream') === true
      if (!isStream || reply.body === null) {
        await reply.body?.cancel()
        return
      }
      const parser = new EventParser()
      const decoder = new TextDecoder()
      const reader = reply.body.getReader()
      for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
        watch()
        const events = parser.push(decoder.decode(piece.value, { stream: true }))
        batch(() => {
          for (const event of events) this.#take(event)
        })
      }
    } catch (error) {
      if (isCode(error, 'TOKEN_REQUIRED')) this.stop()
    } finally {
      cancelWatch()
      if (this.#clock.nowMs() - startMs >= stableMs) this.#failures = 0
    }
  }

  #take({ type, data, id }: ServerEvent): void {
    if (id !== undefined) this.#lastEventId = id
    if (this.connection.value.state !== 'live') this.connection.value = { state: 'live' }
    const parsed = JSON.parse(data) as unknown
    if (type === 'hello') {
      this.peerId.value = (parsed as { peerId: string }).peerId
      // What follows is all there is: some of what is known may be gone.
      this.#hasAll.clear()
      this.filesVersion.value += 1
    }
    if (type === 'status') this.#takeStatus(parsed)
    if (type === 'transfers') this.transfers.value = parsed as Transfer[]
    if (type === 'files') this.filesVersion.value += 1
    if (type === 'downloads') this.#takeDownloads(parsed as Changes<Download>, this.#isFirst(type))
    if (type === 'peers') this.#takePeers(parsed as Changes<Peer>, this.#isFirst(type))
    for (const listener of this.#listeners.get(type) ?? []) listener(parsed, id)
  }

  /** The first event of a type after a connection has all rows; later ones have what changed. */
  #isFirst(type: string): boolean {
    const isFirst = !this.#hasAll.has(type)
    this.#hasAll.add(type)
    return isFirst
  }

  /** @param parsed the status, or the problem details of the index that does not answer */
  #takeStatus(parsed: unknown): void {
    const { code, status } = parsed as { code?: unknown; status?: unknown }
    if (typeof code === 'string' && typeof status === 'number') {
      this.clusterFailure.value = sentenceOf(problemOf(status, parsed))
      return
    }
    this.clusterFailure.value = ''
    this.status.value = parsed as Status
  }

  #takeDownloads({ changed, removed }: Changes<Download>, isAll: boolean): void {
    const known = new Map(isAll ? [] : this.downloads.value)
    for (const download of changed) known.set(download.id, download)
    for (const id of removed) known.delete(id)
    this.downloads.value = known
  }

  #takePeers({ changed, removed }: Changes<Peer>, isAll: boolean): void {
    const known = new Map(isAll ? [] : this.peers.value)
    const nowMs = this.#clock.nowMs()
    for (const peer of changed) known.set(peer.peerId, { ...peer, heardMs: nowMs - peer.silentMs })
    for (const peerId of removed) known.delete(peerId)
    this.peers.value = known
  }

  /** Asks for what the stream would tell. After `life` has ended, an answer is out of date. */
  async #poll(life: AbortSignal): Promise<void> {
    if (life.aborted) return
    try {
      const changed = await this.#allDownloads(life)
      const transfers = await this.#client.call('transfers', undefined, life)
      batch(() => {
        this.#takeDownloads({ changed, removed: [] }, true)
        this.transfers.value = transfers
        this.polls.value += 1
        this.connection.value = { state: 'polling' }
      })
    } catch (error) {
      if (isAbort(error)) return
      if (isCode(error, 'TOKEN_REQUIRED')) return this.stop()
      if (this.connection.value.state !== 'stale')
        this.connection.value = { state: 'stale', sinceMs: this.#clock.nowMs() }
      return
    }
    try {
      const status = await this.#client.call('status', undefined, life)
      const peers = await this.#allPeers(life)
      batch(() => {
        this.peerId.value = status.peer.peerId
        this.#takeStatus(status)
        this.#takePeers({ changed: peers, removed: [] }, true)
        this.filesVersion.value += 1
      })
    } catch (error) {
      if (!isAbort(error)) this.clusterFailure.value = sentenceOf(error)
    }
  }

  async #allDownloads(life?: AbortSignal): Promise<Download[]> {
    return await everyRow(async (after, signal) => {
      const { downloads: rows, next } = await this.#client.call('downloads', { after }, signal)
      return { rows, next }
    }, life)
  }

  async #allPeers(life: AbortSignal): Promise<Peer[]> {
    return await everyRow(async (after, signal) => {
      const { peers: rows, next } = await this.#client.call('peers', { after }, signal)
      return { rows, next }
    }, life)
  }

  /** Resolves after `delayMs`, or when `retry` or `stop` is called. */
  async #sleep(delayMs: number, life: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const end = AbortSignal.any([life, this.#newWake()])
    if (end.aborted) return
    const cancel = this.#clock.after(delayMs, resolve)
    end.addEventListener('abort', () => resolve(), { once: true })
    await promise
    cancel()
  }

  #newWake(): AbortSignal {
    this.#wake = new AbortController()
    return this.#wake.signal
  }
}
