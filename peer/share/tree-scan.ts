/**
 * Compares the files in the folders with the catalog, then the remaining entries of the catalog
 * with the disk: all of them, or those below one folder.
 */
import { realpath, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Clock } from '../../common/clock.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { isInside } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { Catalog } from './catalog.ts'
import type { Comparer } from './comparer.ts'
import type { Entry } from './entry.ts'
import { faultAt, faultOf } from './faults.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { Folders, Root } from './folders.ts'
import type { IgnoredFiles } from './ignored-files.ts'
import { isGone } from './is-gone.ts'
import type { Problems } from './problems.ts'
import { removeLeftover } from './remove-file.ts'
import { restMs } from './rescan-pace.ts'
import { SeqSet } from './seq-set.ts'
import type { WalkPage } from './walk-thread.ts'
import type { Walker } from './walker.ts'

/** Numbers of entries read at a time by a scan: about 3 ms. */
const seqsPerRead = 10_000

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly guard: FolderGuard
  readonly comparer: Comparer
  readonly problems: Problems
  readonly walker: Walker
  readonly ignored: Pick<IgnoredFiles, 'text'>
  readonly clock: Clock
  /** Requests a comparison of a path. */
  readonly look: (path: string) => void
}

export interface TreeScanOptions {
  readonly signal: AbortSignal
  /** Whether to rest in between, to leave processor and disk to others. */
  readonly isThrottled: boolean
}

/** A folder of a root, and whether a link leads to it. */
interface Branch {
  readonly folder: string
  readonly isLinked: boolean
}

/** One scan. */
export class TreeScan {
  readonly #dependencies: Dependencies
  readonly #options: TreeScanOptions
  readonly #lastSeq: number
  readonly #seen = new SeqSet()
  /** Folders and files that could not be read. */
  readonly #unread = new Set<string>()
  #costMs = 0
  #ignoredCount = 0
  #isOfAll = false

  constructor(options: TreeScanOptions, dependencies: Dependencies) {
    this.#options = options
    this.#dependencies = dependencies
    this.#lastSeq = dependencies.catalog.lastSeq
  }

  /** Processor time so far, in milliseconds. */
  get costMs(): number {
    return this.#costMs
  }

  /** Ignored files and folders found so far. */
  get ignoredCount(): number {
    return this.#ignoredCount
  }

  /** Scans all roots. */
  async all(): Promise<void> {
    const { catalog, clock } = this.#dependencies
    this.#isOfAll = true
    for (const root of await this.#roots())
      if (await this.#enters(root)) await this.#walk(root, { folder: '', isLinked: false })
    for (let afterSeq = 0; ; ) {
      const startMs = clock.monotonicMs()
      const seqs = catalog.seqsBetween(afterSeq, this.#lastSeq, seqsPerRead)
      const last = seqs.at(-1)
      if (last === undefined) return
      afterSeq = last
      await this.#compareEntries(this.#unseen(seqs))
      await this.#rest(clock.monotonicMs() - startMs)
    }
  }

  /** Scans everything below one folder of a root. */
  async below(root: Root, folder: string): Promise<void> {
    await this.#walk(root, { folder, isLinked: false })
    const { kind, owner } = root
    const of = { kind, ...(owner !== undefined && { owner }), folder: folder.normalize('NFC') }
    for (let after = ''; ; ) {
      const entries = this.#dependencies.catalog.entriesBelow(of, limits.catalogRowsPerRead, after)
      const last = entries.at(-1)
      if (last === undefined) return
      after = last.at.name
      await this.#compareEntries(entries.filter((entry) => this.#isUnseen(entry)))
    }
  }

  async #walk(root: Root, { folder, isLinked }: Branch): Promise<void> {
    const { walker, guard, clock } = this.#dependencies
    const skipped = guard.awayPaths()
    const ignored = root.kind === 'shared' ? { ignored: this.#dependencies.ignored.text } : {}
    const pages = walker.walk({ root: root.path, folder, skipped, ...ignored })
    let startMs = clock.monotonicMs()
    for await (const page of pages) {
      this.#options.signal.throwIfAborted()
      await this.#take(root, page)
      await this.#rest(clock.monotonicMs() - startMs)
      startMs = clock.monotonicMs()
      if (!isLinked) for (const link of page.links) await this.#follow(root, link)
    }
  }

  async #take(root: Root, page: WalkPage): Promise<void> {
    const { guard, problems, comparer, clock, look } = this.#dependencies
    for (const { diskName, dev, ino } of page.mounts)
      guard.enters(join(root.path, diskName), { dev, ino })
    for (const { diskName, fault } of page.faults) problems.add(join(root.path, diskName), fault)
    for (const diskName of page.ownFiles)
      await removeLeftover(join(root.path, diskName), clock.nowMs())
    for (const diskName of page.unread) this.#unread.add(join(root.path, diskName))
    this.#ignoredCount += page.ignored
    const onTrue = (seq: number): void => this.#seen.add(seq)
    const found = { root, files: page.files }
    for (const path of await comparer.compareFound(found, onTrue)) look(path)
  }

  /**
   * A link to a file is a second name of it; a link to a folder is followed unless it leads to a
   * folder above itself.
   */
  async #follow(root: Root, diskName: string): Promise<void> {
    const { catalog, folders, problems } = this.#dependencies
    const at = catalog.named(folders.at(root, diskName))
    try {
      const fault = await faultAt(at)
      if (fault !== undefined) return problems.add(at.path, fault)
      const [realRoot, target] = await Promise.all([realpath(root.path), realpath(at.path)])
      if (!isInside(realRoot, target)) return
      if (!(await stat(target)).isDirectory()) await this.#compare(at)
      else if (!isInside(target, join(realRoot, dirname(diskName))))
        await this.#walk(root, { folder: diskName, isLinked: true })
    } catch (error) {
      if (isGone(error)) return
      problems.add(at.path, faultOf(error))
      this.#unread.add(at.path)
    }
  }

  async #roots(): Promise<Root[]> {
    const { folders, guard, problems } = this.#dependencies
    try {
      return await folders.roots()
    } catch (error) {
      const { replicated } = folders
      this.#unread.add(replicated)
      if (!guard.isAway(replicated)) problems.add(replicated, faultOf(error, 'folder'))
      return [folders.root({ kind: 'shared' }), folders.root({ kind: 'downloaded' })]
    }
  }

  async #enters({ path, owner }: Root): Promise<boolean> {
    const { guard } = this.#dependencies
    if (guard.isAway(path)) return false
    if (owner === undefined) return true
    // The walk finds and reports errors.
    const found = await stat(path, { bigint: true }).catch(() => undefined)
    return found === undefined || guard.enters(path, found)
  }

  *#unseen(seqs: readonly number[]): Generator<Entry> {
    const { catalog } = this.#dependencies
    for (const seq of seqs)
      if (!this.#seen.has(seq))
        for (const entry of catalog.entriesBetween(seq - 1, seq, 1))
          if (this.#isUnseen(entry)) yield entry
  }

  /** Entries that existed before the scan and were not found by it: deleted, or moved meanwhile. */
  #isUnseen({ seq, at: { path } }: Entry): boolean {
    if (seq > this.#lastSeq || this.#seen.has(seq)) return false
    return !this.#dependencies.guard.isAway(path) && !isAtOrBelow(path, this.#unread)
  }

  async #compareEntries(entries: Iterable<Entry>): Promise<void> {
    await inParallel(entries, limits.filesComparedAtOnce, ({ at }) => this.#compare(at))
  }

  async #compare(at: Entry['at']): Promise<void> {
    this.#options.signal.throwIfAborted()
    const { comparer, look } = this.#dependencies
    const { seq, again } = await comparer.compare({ at, mayBeLinked: true, inScan: this.#isOfAll })
    if (seq !== undefined) this.#seen.add(seq)
    if (again) look(at.path)
  }

  /** Counts the work done, and rests to leave processor and disk to others. */
  async #rest(workedMs: number): Promise<void> {
    const { signal, isThrottled } = this.#options
    this.#costMs += workedMs
    if (isThrottled && workedMs > 0) await this.#dependencies.clock.sleep(restMs(workedMs), signal)
  }
}

function isAtOrBelow(path: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false
  for (let above = path; above !== dirname(above); above = dirname(above))
    if (folders.has(above)) return true
  return false
}
