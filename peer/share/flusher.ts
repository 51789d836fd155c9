import { lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { hashFile } from '../../common/content/hash.ts'
import { hasCode, reasonOf } from '../../common/errors.ts'
import { isInside, openInside } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { FolderGuard } from './folder-guard.ts'
import { flushFolder } from './folder-sync.ts'
import { isGone } from './is-gone.ts'
import { removeIfSame } from './remove-file.ts'
import type { ReplicaRemover } from './replica-remover.ts'

/**
 * From placing small files to flushing their marks: far less than the 5 s after which ext4 has
 * their names on disk.
 */
export const marksDelayMs = 100
/**
 * From placing small files to flushing them: Linux writes everything within 30 s, so that little is
 * left.
 */
export const flushDelayMs = 60_000

interface Dependencies {
  readonly catalog: Catalog
  readonly bootId: string
  readonly guard: Pick<FolderGuard, 'isAway'>
  readonly remover: Pick<ReplicaRemover, 'removeAside'>
  readonly work: BackgroundWork
  readonly clock: Clock
  readonly log: Log
  /** Makes new entries of a folder durable. */
  readonly flushFolder?: (folder: string) => Promise<void>
}

/**
 * Handles files that were placed without being flushed: flushes them when the system has written
 * most of them anyway, and checks after a reboot which of them were lost.
 */
export class Flusher {
  readonly #dependencies: Dependencies
  #isWaiting = false
  #isKeepingMarks = false

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Reads the files that a reboot may have damaged. A damaged file is dropped from the catalog and,
   * unless it was written since, deleted: it never was a user's file. Files in a folder that is
   * unavailable wait for the next start.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async recover(): Promise<void> {
    const { catalog, bootId, guard, log } = this.#dependencies
    for (let afterSeq = 0; ; ) {
      const marked = catalog.unflushedBefore({ bootId, afterSeq }, limits.catalogRowsPerRead)
      const last = marked.at(-1)
      if (last === undefined) break
      afterSeq = last.seq
      const entries = marked.filter(({ at }) => !guard.isAway(at.path))
      const lost: Entry[] = []
      for (const entry of entries) if (!(await this.#isWhole(entry))) lost.push(entry)
      catalog.group(() => {
        catalog.flushed(entries)
        for (const { at } of lost) catalog.drop(at)
      })
      const details = { files: entries.length, lost: lost.length }
      log.info(details, 'unflushed files were checked after a reboot')
    }
    if (catalog.unflushed({ bootId, afterSeq: 0 }, 1).length > 0) this.soon()
  }

  /** A file that cannot be read or deleted does not prevent the start of the peer. */
  async #isWhole(entry: Entry): Promise<boolean> {
    try {
      return await isWhole(entry)
    } catch (error) {
      const { path } = entry.at
      this.#dependencies.log.warn(
        { path, reason: reasonOf(error) },
        'a torn file cannot be deleted',
      )
      return false
    }
  }

  /** Files were placed: schedules the flush of their marks shortly, and of the files later. */
  soon(): void {
    this.#keepMarks()
    if (this.#isWaiting) return
    this.#isWaiting = true
    this.#dependencies.work.start('flush small files', async (signal) => {
      try {
        await this.#dependencies.clock.sleep(flushDelayMs, signal)
      } finally {
        this.#isWaiting = false
      }
      await this.#flushAll(signal)
    })
  }

  /** A power cut before this could leave a torn file without the mark that it is unflushed. */
  #keepMarks(): void {
    if (this.#isKeepingMarks) return
    this.#isKeepingMarks = true
    this.#dependencies.work.start('flush the marks of small files', async (signal) => {
      try {
        await this.#dependencies.clock.sleep(marksDelayMs, signal)
      } finally {
        this.#isKeepingMarks = false
      }
      await this.#dependencies.catalog.sync()
    })
  }

  /** Files that cannot be flushed are retried later and do not block the others. */
  async #flushAll(signal: AbortSignal): Promise<void> {
    const { catalog, bootId } = this.#dependencies
    let isAll = true
    for (let afterSeq = 0; ; ) {
      const entries = catalog.unflushed({ bootId, afterSeq }, limits.catalogChangesPerTransaction)
      const last = entries.at(-1)
      if (last === undefined) break
      afterSeq = last.seq
      const written: Entry[] = []
      for (const entry of entries) {
        signal.throwIfAborted()
        if (await this.#flush(entry)) written.push(entry)
      }
      const flushed = await this.#withFolders(written)
      catalog.flushed(flushed)
      for (const entry of flushed) await this.#removeAside(entry)
      isAll &&= flushed.length === entries.length
    }
    if (!isAll) this.soon()
  }

  /** A copy aside that cannot be deleted is left to a drop task of the index. */
  async #removeAside(entry: Entry): Promise<void> {
    try {
      await this.#dependencies.remover.removeAside(entry)
    } catch (error) {
      const details = { name: entry.at.name, reason: reasonOf(error) }
      this.#dependencies.log.warn(details, 'a replaced version cannot be deleted')
    }
  }

  /**
   * Flushes the folders of files, and those created for them.
   * @returns the files whose folders are all on disk
   */
  async #withFolders(files: readonly Entry[]): Promise<Entry[]> {
    const { flushFolder: flush = flushFolder, log } = this.#dependencies
    const failed = new Set<string>()
    for (const folder of new Set(files.flatMap(({ at }) => foldersAbove(at))))
      try {
        await flush(folder)
      } catch (error) {
        if (isGone(error)) continue
        failed.add(folder)
        log.warn({ folder, reason: reasonOf(error) }, 'a folder cannot be flushed')
      }
    return files.filter(({ at }) => !foldersAbove(at).some((folder) => failed.has(folder)))
  }

  /** @returns false if the disk refuses, and it must be retried */
  async #flush({ at }: Entry): Promise<boolean> {
    try {
      await using handle = await openInside(at)
      await handle.sync()
      return true
    } catch (error) {
      if (isGone(error)) return true
      const { log } = this.#dependencies
      log.warn({ name: at.name, reason: reasonOf(error) }, 'a file cannot be flushed')
      return false
    }
  }
}

/**
 * The folders above a file, including the parent of its root, because the root of an owner may be
 * new.
 */
function foldersAbove({ root, path }: Entry['at']): string[] {
  const folders = [dirname(root)]
  for (let folder = dirname(path); isInside(root, folder); folder = dirname(folder))
    folders.push(folder)
  return folders
}

/**
 * Whether the file of an entry has its content; a torn one is deleted, unless it was written since.
 */
async function isWhole({ at, stat, content }: Entry): Promise<boolean> {
  try {
    const now = await hashFile(at.path, { root: at.root })
    if (now.content.sha256 === content.sha256) return true
    const isOurs = now.stat.ino === stat.ino && now.stat.mtimeNs <= stat.mtimeNs
    if (isOurs && !(await isChangedLater({ at, stat }))) await removeIfSame({ at, stat: now.stat })
    return false
  } catch (error) {
    if (hasCode(error, 'DISK_FAILED') || isGone(error)) return false
    if (hasCode(error, 'FILE_NOT_FOUND') || hasCode(error, 'CONTENT_CHANGED')) return false
    throw error
  }
}

/** Whether the file was touched after it was placed: programs cannot set the change time. */
async function isChangedLater({ at, stat }: Pick<Entry, 'at' | 'stat'>): Promise<boolean> {
  const { ctimeNs } = await lstat(at.path, { bigint: true })
  return ctimeNs > stat.mtimeNs + BigInt(flushDelayMs) * 1_000_000n
}
