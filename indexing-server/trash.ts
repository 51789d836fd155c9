import { setImmediate as turn } from 'node:timers/promises'
import { BackgroundWork } from '../common/background.ts'
import type { Clock } from '../common/clock.ts'
import { AppError, reasonOf } from '../common/errors.ts'
import { parseName } from '../common/ids.ts'
import { limits } from '../common/limits.ts'
import type { Log } from '../common/log.ts'
import { parseNameQuery, parsePattern } from '../common/name-query.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { TrashedFile as WireTrashedFile } from '../common/protocol/trash-messages.ts'
import type { EventRecorder, NewEvent } from './events/event.ts'
import type { LoopTurns } from './loop-turns.ts'
import { foundContent, liveCopies, type PeerOf } from './rank.ts'
import type { FileKey, GoneName, IndexStore, Totals, Touched, TrashedFile } from './store/store.ts'

/** Interval of the check for expired files: precise enough for a time of days. */
const trashCheckMs = 5_000
/** Files read at a time: about 5 ms. */
const filesPerSlice = 500
/** How long a removed name is remembered, so that an absent holder does not bring it back. */
const goneKeptMs = 90 * 86_400_000
/** Interval of forgetting them: many stay for as long as there are copies. */
const goneCheckMs = 600_000

export interface TrashOptions {
  /** How long the copies of a deleted file are kept. */
  readonly trashMs: number
  /** Bytes of deleted files to keep; the ones deleted first are removed first. */
  readonly trashBytes: number
}

interface Dependencies {
  readonly store: Pick<
    IndexStore,
    'trash' | 'trashNamed' | 'oldestTrash' | 'purgeTrash' | 'goneBeyondMs' | 'forgetGone' | 'totals'
  >
  readonly peerOf: PeerOf
  /** Asks a peer to bring a file back. @throws AppError if it does not accept */
  readonly restoreFile: (peerId: string, request: RequestOf<'restore-file'>) => Promise<void>
  /** Receives the contents whose copies may now be dropped. */
  readonly onPurged: (touched: Touched) => void
  readonly events: EventRecorder
  readonly turns: LoopTurns
  readonly clock: Clock
  readonly log: Log
}

/** The deleted files of the cluster, until their time has passed (docs/decisions/0026). */
export class Trash implements AsyncDisposable {
  readonly #options: TrashOptions
  readonly #dependencies: Dependencies
  readonly #background: BackgroundWork

  constructor(options: TrashOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  start(): void {
    this.#background.start('expire the trash', (signal) => this.#run(signal))
    this.#background.start('forget removed names', (signal) => this.#forgetNames(signal))
  }

  /** The error for a name that no peer shares: FILE_DELETED if it was deleted, `unknown` otherwise. */
  async absence(
    name: string,
    unknown: AppError = new AppError('NAME_NOT_FOUND', { name }),
  ): Promise<AppError> {
    const [file] = await this.#dependencies.store.trashNamed(name, 1)
    if (file === undefined) return unknown
    const { owner, deletedMs } = file
    return new AppError('FILE_DELETED', { name, owner, date: dateOf(deletedMs) })
  }

  /** @throws AppError BAD_REQUEST if `after` is not a cursor; the signal's reason */
  async list(
    { query = '', limit, after }: RequestOf<'trash'>,
    signal: AbortSignal,
  ): Promise<ReplyOf<'trash'>> {
    const { matches } = parseNameQuery(query)
    const found: TrashedFile[] = []
    const start = after === undefined ? firstFile : parseCursor(after)
    for await (const file of this.#filesAfter(start, signal)) {
      if (!matches(file.name)) continue
      found.push(file)
      if (found.length > limit) break
    }
    const page = found.slice(0, limit)
    const files = thatFitFrame(page.map((file) => this.#toWire(file)))
    const last = page[files.length - 1]
    const isWhole = files.length === found.length || last === undefined
    return isWhole ? { files } : { files, next: `${last.owner}/${last.name}` }
  }

  /** Removes files for good: those that `asker` deleted, or with `force` those of all. */
  async empty(
    asker: string,
    { pattern, force = false }: RequestOf<'empty-trash'>,
    signal: AbortSignal,
  ): Promise<ReplyOf<'empty-trash'>> {
    const matches = pattern === undefined ? () => true : parsePattern(pattern).matches
    let removed = 0
    let others = 0
    let files: TrashedFile[] = []
    const eventOf = ({ owner }: TrashedFile): FileEvent => ({
      kind: 'emptied',
      peerId: asker,
      otherPeerId: owner === asker ? undefined : owner,
    })
    for await (const file of this.#filesAfter(firstFile, signal)) {
      if (!matches(file.name)) continue
      if (file.owner !== asker && !force) others++
      else {
        removed++
        files.push(file)
      }
      if (files.length < filesPerSlice) continue
      await this.#purge(files, eventOf)
      files = []
    }
    await this.#purge(files, eventOf)
    return { removed, others }
  }

  /**
   * @param check called with the owner of the file; its error refuses
   * @throws AppError NAME_INVALID, NOT_IN_TRASH, RESTORE_REFUSED
   */
  async restore(
    asker: string,
    request: RequestOf<'restore'>,
    check: (owner: string) => void,
  ): Promise<ReplyOf<'restore'>> {
    const { store, peerOf, restoreFile } = this.#dependencies
    const name = parseName(request.name)
    const found = await store.trashNamed(name, limits.ownersPerNameMax)
    const chosen =
      request.owner === undefined
        ? (found.find(({ owner }) => owner === asker) ?? found[0])
        : found.find(({ owner }) => owner === request.owner)
    if (chosen === undefined) throw new AppError('NOT_IN_TRASH', { name })
    const { owner } = chosen
    check(owner)
    const content = foundContent(chosen.content, peerOf)
    if (owner === asker || peerOf(owner)?.state !== 'live') return { owner, at: asker, content }
    try {
      await restoreFile(owner, { name, content })
    } catch (error) {
      const details = { peerId: owner, name, reason: reasonOf(error) }
      throw new AppError('RESTORE_REFUSED', details, { cause: error })
    }
    return { owner, at: owner, content }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  #toWire({ owner, name, content, deletedMs, trashedMs }: TrashedFile): WireTrashedFile {
    const { sha256, size, chunkRoot, holders } = content
    const copies = liveCopies(holders, this.#dependencies.peerOf)
    const keptUntilMs = trashedMs + this.#options.trashMs
    return { name, owner, sha256, size, chunkRoot, deletedMs, keptUntilMs, copies }
  }

  async *#filesAfter(start: FileKey, signal: AbortSignal): AsyncGenerator<TrashedFile> {
    const { store, turns } = this.#dependencies
    for (let after: FileKey | undefined = start; after !== undefined; ) {
      await turns.next()
      signal.throwIfAborted()
      const files: readonly TrashedFile[] = await store.trash(after, filesPerSlice)
      yield* files
      after = files.length < filesPerSlice ? undefined : files.at(-1)
    }
  }

  async #purge(
    files: readonly TrashedFile[],
    eventOf: (file: TrashedFile) => FileEvent,
  ): Promise<void> {
    if (files.length === 0) return
    const { store, onPurged, events } = this.#dependencies
    onPurged(await store.purgeTrash(files))
    for (const file of files)
      events.record({ ...eventOf(file), name: file.name, bytes: file.content.size })
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      await clock.sleep(trashCheckMs, signal)
      try {
        await this.#expire(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ reason: reasonOf(error) }, 'the trash was not checked')
      }
    }
  }

  async #expire(signal: AbortSignal): Promise<void> {
    const { store, clock } = this.#dependencies
    const { trashMs } = this.#options
    const beforeMs = Math.floor(clock.nowMs() - trashMs)
    for (let isMore = true; isMore; signal.throwIfAborted()) {
      const due = await store.oldestTrash(filesPerSlice, beforeMs)
      await this.#purge(due, expired('its time has passed'))
      await this.#purge(await this.#beyond(await store.totals()), expired('the trash was full'))
      isMore = due.length === filesPerSlice
      await turn()
    }
  }

  async #forgetNames(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#dependencies
    for (;;) {
      await clock.sleep(goneCheckMs, signal)
      try {
        await this.#forgetOldNames(signal)
      } catch (error) {
        signal.throwIfAborted()
        log.warn({ reason: reasonOf(error) }, 'removed names were not forgotten')
      }
    }
  }

  async #forgetOldNames(signal: AbortSignal): Promise<void> {
    const { store, clock, turns } = this.#dependencies
    const oldMs = Math.floor(clock.nowMs() - Math.max(this.#options.trashMs, goneKeptMs))
    const beforeMs = Math.max(oldMs, await store.goneBeyondMs(limits.goneNamesMax))
    const start: GoneName = { ...firstFile, goneMs: 0 }
    for (let after: GoneName | undefined = start; after !== undefined; ) {
      await turns.next()
      signal.throwIfAborted()
      after = await store.forgetGone({ beforeMs, after, limit: filesPerSlice })
    }
  }

  /** The files that were deleted first, of those that exceed the limit. */
  async #beyond({ trashBytes }: Totals): Promise<TrashedFile[]> {
    let excess = trashBytes - this.#options.trashBytes
    if (excess <= 0) return []
    const beyond: TrashedFile[] = []
    for (const file of await this.#dependencies.store.oldestTrash(filesPerSlice)) {
      if (excess <= 0) break
      excess -= file.content.size
      beyond.push(file)
    }
    return beyond
  }
}

type FileEvent = Omit<NewEvent, 'name' | 'bytes'>

const expired =
  (reason: string) =>
  ({ owner }: TrashedFile): FileEvent => ({ kind: 'expired', peerId: owner, reason })

/** Before all files. */
const firstFile: FileKey = { owner: '', name: '' }

function parseCursor(text: string): FileKey {
  const slash = text.indexOf('/')
  if (slash <= 0) throw new AppError('BAD_REQUEST', { path: 'after', reason: 'is not a cursor' })
  return { owner: text.slice(0, slash), name: text.slice(slash + 1) }
}

/** As `2026-11-29 10:08 UTC`. */
function dateOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
}
