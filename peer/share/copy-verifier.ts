import type { Clock } from '../../common/clock.ts'
import { ChunkSet } from '../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import { reasonOf, systemErrorCode } from '../../common/errors.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import type { Fault } from '../problem-table.ts'
import type { Catalog } from './catalog.ts'
import type { Damage } from './catalog-damage.ts'
import type { CopyReader, CopyReading, CopyState, Readings } from './copy-reader.ts'
import type { DamagedFiles } from './damaged-files.ts'
import { diskFaultCodes } from './disk-fault-codes.ts'
import type { Entry } from './entry.ts'
import type { Findings } from './findings.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderQueues } from './folder-queues.ts'
import type { Folders } from './folders.ts'
import { inspect } from './inspect.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import type { Problems } from './problems.ts'
import { removeEmptyFolders } from './remove-file.ts'

/**
 * `changed`: it was written, or is gone, and is compared with the catalog like every changed file.
 * `away`: its disk is. `refused`: it cannot be opened, which says nothing about its bytes.
 */
export type Verdict = 'good' | 'bad' | 'changed' | 'away' | 'refused'

export interface VerifyOptions {
  readonly signal: AbortSignal
  /** Whether the copy is announced again even if it is good. */
  readonly mustAnnounce?: boolean
  /** See {@link CopyReading}. */
  readonly fromChunk?: number
  readonly pace?: CopyReading['pace']
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly guard: Pick<FolderGuard, 'isAway' | 'onRead' | 'onUnreadable' | 'survey'>
  readonly findings: Findings
  readonly problems: Problems
  readonly ownWrites: Pick<OwnWrites, 'isOwn'>
  readonly reader: Pick<CopyReader, 'read'>
  readonly damaged: Pick<DamagedFiles, 'take'>
  readonly queues: FolderQueues
  /** Schedules a comparison of a path. */
  readonly look: (path: string) => void
  /** The file cannot be opened because of its permissions. */
  readonly onUnreadable: (path: string, error: Error) => Promise<void>
  readonly clock: Clock
  readonly log: Log
}

/**
 * Reads copies again that look untouched. From the first wrong chunk on a copy is not served and does
 * not count. It stays in its place until a good one can take it or, if it is a replica, until another peer
 * has the content: its good chunks may be the last ones.
 */
export class CopyVerifier {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** @throws the signal's reason; Error if the thread ended; AppError of the catalog */
  async verify(path: string, options: VerifyOptions): Promise<Verdict> {
    const { folders, catalog, guard, look } = this.#dependencies
    const located = folders.locate(path)
    if (located === undefined) return 'changed'
    if (guard.isAway(path)) return 'away'
    const entry = catalog.at(catalog.named(located))
    if (entry === undefined) return 'changed'
    const stat = await inspect(entry.at, true).catch(toError)
    if (stat instanceof Error) return await this.#onRefused(entry, entry.stat, stat)
    if (stat === undefined || !this.#mayRead(entry, stat)) {
      await guard.survey()
      if (guard.isAway(path)) return 'away'
      look(path)
      return 'changed'
    }
    return await this.#judge(entry, stat, await this.#read(entry, stat, options), options)
  }

  /** A file that a user wrote has other content; a replica has the recorded one, or none. */
  #mayRead({ at, stat: known }: Entry, stat: FileStat): boolean {
    if (isSameStat(stat, known)) return true
    return at.kind === 'replicated' && !this.#dependencies.ownWrites.isOwn(at.path, stat)
  }

  async #read(entry: Entry, stat: FileStat, options: VerifyOptions): Promise<CopyState> {
    const { catalog, reader } = this.#dependencies
    const { sha256, size } = entry.content
    const ownHash = chunkCountFor(size) === 1 ? Buffer.from(sha256, 'hex') : undefined
    const chunkList = ownHash ?? catalog.chunkList(sha256)
    if (chunkList === undefined) return { state: 'changed' }
    const isAsRead = isSameStat(stat, entry.stat) && !catalog.damage.has(entry.seq)
    return await reader.read(
      { ...entry, stat, chunkList },
      {
        signal: options.signal,
        // What is known to be damaged, or was altered since, is read from its start.
        fromChunk: isAsRead ? (options.fromChunk ?? 0) : 0,
        pace: options.pace ?? (() => {}),
        onFault: (readings) => {
          if (!catalog.damage.has(entry.seq)) this.#mark(entry, stat, readings)
        },
      },
    )
  }

  async #judge(
    entry: Entry,
    stat: FileStat,
    read: CopyState,
    { mustAnnounce = false }: VerifyOptions,
  ): Promise<Verdict> {
    const { guard } = this.#dependencies
    switch (read.state) {
      case 'changed':
        this.#dependencies.look(entry.at.path)
        return 'changed'
      case 'refused':
        return await this.#onRefused(entry, stat, codedError(read))
      case 'good':
        // An empty file says nothing about its disk.
        if (entry.content.size > 0) guard.onRead(entry.at.path)
        this.#onGood(entry, stat, mustAnnounce)
        return 'good'
      case 'bad':
        if (read.isUnreadable) return await this.#onUnreadable(entry, stat, read)
        guard.onRead(entry.at.path)
        return await this.#onBad(entry, stat, read)
    }
  }

  #onGood(entry: Entry, stat: FileStat, mustAnnounce: boolean): void {
    const { catalog, findings, problems } = this.#dependencies
    const { at, content } = entry
    const wasDamaged = catalog.damage.has(entry.seq)
    if (wasDamaged) problems.clear(at.path)
    const { ctimeNs } = stat
    if (mustAnnounce || wasDamaged || !isSameStat(stat, entry.stat)) {
      const chunkList = catalog.chunkList(content.sha256) ?? new Uint8Array()
      findings.add({
        at,
        before: entry,
        apply: () => void catalog.put({ at, stat, content }, chunkList, { mustAnnounce: true }),
      })
      findings.flush()
    } else if (ctimeNs !== undefined && ctimeNs !== entry.stat.ctimeNs)
      findings.add({
        at,
        before: entry,
        apply: () => catalog.noteChangeTime(entry.seq, ctimeNs),
      })
  }

  async #onBad(
    entry: Entry,
    stat: FileStat,
    readings: Readings & { readonly why: string },
  ): Promise<Verdict> {
    const { catalog, problems, log } = this.#dependencies
    const marked = catalog.get(entry.at)
    if (marked === undefined) return 'changed'
    const damage = this.#mark(marked, stat, readings)
    const { kind, name } = entry.at
    const { sha256, size } = entry.content
    const chunks = { bad: chunkCountFor(size) - readings.good.size, of: chunkCountFor(size) }
    log.error({ kind, name, sha256, chunks, why: readings.why }, 'a copy is damaged')
    if (kind !== 'replicated') problems.add(entry.at.path, damageFault(damage))
    return 'bad'
  }

  /** The disk gave no chunk: it is damaged, unless the disk gives no other file either. */
  async #onUnreadable(
    entry: Entry,
    stat: FileStat,
    readings: Readings & { readonly why: string },
  ): Promise<Verdict> {
    const isAway = await this.#dependencies.guard.onUnreadable(entry.at.path)
    return isAway ? 'away' : await this.#onBad(entry, stat, readings)
  }

  /** Records the damage immediately: from now on the file is not served. */
  #mark(entry: Entry, stat: FileStat, { good, why }: Readings & { readonly why: string }): Damage {
    const { findings, clock, catalog } = this.#dependencies
    const { at, content } = entry
    const before = catalog.damage.of(entry.seq, content.size)
    const foundMs = before?.foundMs ?? Math.floor(clock.nowMs())
    const damage = { foundMs, good, why }
    if (before?.good.toBitmap() !== good.toBitmap()) {
      findings.add({ at, before: entry, apply: () => catalog.markDamaged(entry, stat, damage) })
      findings.flush()
    }
    return damage
  }

  /**
   * Moves the damaged replica at a place aside and drops it. If the disk refuses that, the entry stays
   * damaged.
   */
  async setAside(key: CopyKey): Promise<void> {
    const { damaged, queues, catalog, look, log } = this.#dependencies
    const known = catalog.get(key)
    if (known === undefined) return
    const { at } = known
    try {
      await queues.run(at, async () => {
        const entry = catalog.get(at)
        if (entry === undefined || !catalog.damage.has(entry.seq)) return
        if (!(await damaged.take(entry))) return look(at.path)
        catalog.drop(at)
        await removeEmptyFolders(at)
      })
    } catch (error) {
      const details = { path: at.path, reason: reasonOf(error) }
      log.error(details, 'a damaged copy cannot be moved aside')
    }
  }

  async #onRefused(entry: Entry, stat: FileStat, error: Error): Promise<Verdict> {
    const { look, onUnreadable, log } = this.#dependencies
    const { path } = entry.at
    const code = systemErrorCode(error)
    if (isGone(error)) {
      look(path)
      return 'changed'
    }
    if (code !== undefined && diskFaultCodes.has(code)) {
      const good = new ChunkSet(chunkCountFor(entry.content.size))
      return await this.#onUnreadable(entry, stat, { good, why: `cannot be opened (${code})` })
    }
    if (code === 'EACCES' || code === 'EPERM') await onUnreadable(path, error)
    else log.warn({ path, reason: reasonOf(error) }, 'a copy cannot be read now')
    return 'refused'
  }
}

/** What a user should know of a damaged file. */
export function damageFault({ good, why }: Damage): Fault {
  const bad = good.chunkCount - good.size
  return { code: 'DAMAGED', details: { why, bad, chunks: good.chunkCount } }
}

function codedError({ code, reason }: { code: string | undefined; reason: string }): Error {
  return Object.assign(new Error(reason), { code })
}

function toError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error))
}
