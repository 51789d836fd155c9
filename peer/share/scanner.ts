/**
 * Keeps the catalog in step with the disk. Every file that may have changed takes the same path:
 *
 *   scan (all files), look (reported by a watcher, or quiet), recheck (could not be served)
 *     -> Comparer -> Findings -> Catalog
 *
 * Copies that look untouched are read again by scrubbing, and by the verifier when someone doubts them:
 *
 *   scrub, verify (accused), recheck, altered (found by the comparer)
 *     -> CopyVerifier -> Findings -> Catalog
 */
import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import { type AppError, reasonOf } from '../../common/errors.ts'
import { isOwnName } from '../../common/ids.ts'
import { isInside } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import type { Catalog } from './catalog.ts'
import { Comparer } from './comparer.ts'
import { type CopyReader } from './copy-reader.ts'
import { CopyVerifier, type Verdict, type VerifyOptions } from './copy-verifier.ts'
import type { DamagedFiles } from './damaged-files.ts'
import { faultOf, faultOfName } from './faults.ts'
import { Findings } from './findings.ts'
import type { FolderGuard } from './folder-guard.ts'
import type { FolderQueues } from './folder-queues.ts'
import type { Folders, Location } from './folders.ts'
import type { IgnoredFiles } from './ignored-files.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import { Problems } from './problems.ts'
import { removeSpoiled } from './remove-file.ts'
import { Settling } from './settling.ts'
import { TreeScan, type TreeScanOptions } from './tree-scan.ts'
import { Vanished } from './vanished.ts'
import { Verifier } from './verifier.ts'
import type { Walker } from './walker.ts'

/** Folders that a watcher reported; beyond that everything is scanned. */
const folderHintsMax = 1_000

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly work: BackgroundWork
  readonly ownWrites: OwnWrites
  readonly guard: FolderGuard
  readonly walker: Walker
  readonly ignored: IgnoredFiles
  readonly reader: Pick<CopyReader, 'read'>
  readonly damaged: DamagedFiles
  readonly queues: FolderQueues
  readonly clock: Clock
  readonly log: Log
}

/**
 * Reports of the system within this time are handled together, when the files are written and
 * recorded.
 */
const ownLookMs = 100

export class Scanner implements Disposable {
  readonly problems: Problems
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #work: BackgroundWork
  readonly #settling: Settling
  readonly #findings: Findings
  readonly #comparer: Comparer
  /** Paths to compare, and the number of workers that do. */
  readonly #hints = new Set<string>()
  #lookers = 0
  readonly #ownWrites: OwnWrites
  readonly #guard: FolderGuard
  readonly #walker: Walker
  readonly #ignored: IgnoredFiles
  readonly #quietMs: number
  /** Folders to compare with everything below them; the data folder stands for all. */
  readonly #folderHints = new Set<string>()
  #isLookingBelow = false
  readonly #verifier: Verifier
  readonly #copies: CopyVerifier
  readonly #vanished: Vanished
  readonly #queue = new SerialQueue()
  readonly #clock: Clock
  readonly #log: Log
  /** Paths to compare that this peer wrote itself. */
  readonly #ownHints = new Set<string>()

  /** @param options.quietMs how long a file must be unchanged before it is read */
  constructor(options: { quietMs: number }, dependencies: Dependencies) {
    const look = (path: string): void => this.look(path)
    this.#folders = dependencies.folders
    this.#catalog = dependencies.catalog
    this.#work = dependencies.work
    this.#ownWrites = dependencies.ownWrites
    this.#clock = dependencies.clock
    this.#log = dependencies.log
    this.problems = new Problems(dependencies)
    this.#settling = new Settling({ ...options, onDue: look }, dependencies)
    const onRefused = (path: string, error: AppError): void => {
      const { cause } = error
      const reason = cause instanceof Error ? cause.message : error.code
      this.problems.add(path, { code: 'NOT_RECORDED', details: { reason } })
    }
    this.#findings = new Findings({ onOutdated: look, onRefused }, dependencies)
    this.#guard = dependencies.guard
    this.#walker = dependencies.walker
    this.#ignored = dependencies.ignored
    this.#quietMs = options.quietMs
    this.#vanished = new Vanished({
      ...dependencies,
      look,
      drop: (finding) => this.#findings.add(finding),
      isLooking: () => this.#isLookingBelow || this.#lookers > 0,
      onDue: () =>
        this.#work.start('judge missing files', async () => {
          await this.#vanished.judge()
        }),
    })
    this.#comparer = new Comparer({
      vanished: this.#vanished,
      ignored: this.#ignored,
      clock: this.#clock,
      catalog: this.#catalog,
      folders: this.#folders,
      walker: this.#walker,
      findings: this.#findings,
      problems: this.problems,
      settling: this.#settling,
      onAltered: (path) => this.#verifier.add(path, false),
      onSpoiled: (file) =>
        this.#work.start('remove a spoiled version', () =>
          removeSpoiled(file, this.#clock.nowMs()),
        ),
      signal: this.#work.signal,
    })
    this.#verifier = new Verifier({
      clock: dependencies.clock,
      verify: async (path, mustAnnounce) => {
        await this.#copies.verify(path, { mustAnnounce, signal: this.#work.signal })
      },
      start: (work) => this.#work.start('verify files', work),
    })
    this.#copies = new CopyVerifier({
      ...dependencies,
      findings: this.#findings,
      problems: this.problems,
      look,
      onUnreadable: (path, error) => this.#onUnreadable(path, error),
    })
  }

  /**
   * Compares all files with the catalog, then the remaining entries of the catalog with the disk.
   * @param options.confirmed kinds whose missing files were deleted, as the user confirmed
   * @returns the number of dropped entries, and the processor time
   */
  async scan(
    options: TreeScanOptions & { readonly confirmed?: ReadonlySet<CopyKind> },
  ): Promise<{ dropped: number; costMs: number }> {
    return await this.#queue.run(async () => {
      this.problems.beginScan()
      await this.#guard.survey()
      if (!this.#guard.isKindAway('shared')) await this.#loadRules()
      const sinceSeq = this.#catalog.lastSeq
      const scan = this.#newScan(options)
      await scan.all()
      this.#findings.flush()
      const confirmed = options.confirmed ?? new Set()
      const dropped = await this.#vanished.judge({ sinceSeq, confirmed })
      for (const { path, reason } of this.#guard.list())
        this.problems.add(path, { code: 'FOLDER_AWAY', details: { reason } })
      this.problems.endScan()
      this.#findings.flush()
      this.#ignored.count = scan.ignoredCount
      return { dropped, costMs: scan.costMs }
    })
  }

  /** Schedules a comparison of everything below a folder. */
  lookBelow(path: string): void {
    // Folders beyond the limit are covered by a full scan.
    const isFull = this.#folderHints.size >= folderHintsMax
    const isAll = isFull || this.#folders.locate(path) === undefined
    this.#folderHints.add(isAll ? this.#folders.data : path)
    if (this.#isLookingBelow) return
    this.#isLookingBelow = true
    this.#work.start('look at changed folders', (signal) => this.#lookAtFolders(signal))
  }

  async #lookAtFolders(signal: AbortSignal): Promise<void> {
    try {
      for (const folder of this.#folderHints) {
        // Changes from now on cause another comparison.
        this.#folderHints.delete(folder)
        try {
          await this.#lookAtFolder(folder, signal)
        } catch (error) {
          signal.throwIfAborted()
          const details = { folder, reason: reasonOf(error) }
          this.#log.error(details, 'a changed folder cannot be compared')
        }
      }
      this.#findings.flush()
    } finally {
      this.#isLookingBelow = false
    }
  }

  async #lookAtFolder(path: string, signal: AbortSignal): Promise<void> {
    const options = { signal, isThrottled: false }
    const at = this.#folders.locate(path)
    if (at === undefined) return void (await this.scan(options))
    if (this.#guard.isAway(path) || faultOfName(at.diskName) !== undefined) return
    if (at.diskName.split('/').some(isOwnName)) return
    await this.#newScan(options).below({ ...this.#folders.root(at), path: at.root }, at.diskName)
  }

  #newScan(options: TreeScanOptions): TreeScan {
    const look = (path: string): void => this.look(path)
    return new TreeScan(options, {
      folders: this.#folders,
      catalog: this.#catalog,
      guard: this.#guard,
      comparer: this.#comparer,
      problems: this.problems,
      walker: this.#walker,
      ignored: this.#ignored,
      clock: this.#clock,
      look,
    })
  }

  async #loadRules(): Promise<void> {
    const fault = await this.#ignored.load()
    if (fault !== undefined) this.problems.add(this.#ignored.path, fault)
  }

  /** Applies changed rules about ignored files, once they are written. */
  #applyRules(): void {
    this.#work.start('apply ignored names', async (signal) => {
      await this.#clock.sleep(this.#quietMs, signal)
      this.lookBelow(this.#folders.data)
    })
  }

  /** Whether this peer wrote the file at `path` recently. */
  isOwnWrite(path: string): boolean {
    return this.#ownWrites.has(path)
  }

  /** Schedules a comparison of one path. */
  look(path: string): void {
    if (this.isOwnWrite(path)) return this.#lookAtOwn(path)
    // Paths beyond the limit are found by the next scan.
    if (this.#hints.size >= limits.changeHintsMax) return
    this.#hints.add(path)
    if (this.#lookers >= limits.filesComparedAtOnce) return
    this.#lookers++
    this.#work.start('look at changed files', (signal) => this.#lookAtHints(signal))
  }

  /**
   * Compares one path immediately; drops a file that cannot be opened, and schedules reading one
   * that looks untouched.
   */
  async recheck(path: string): Promise<void> {
    const at = this.#locate(path)
    if (at === undefined) return
    await this.#guard.survey()
    if (this.#guard.isAway(path)) return
    await this.#comparer.compare({ at, mayBeLinked: true })
    try {
      await access(path, constants.R_OK)
      this.#verifier.add(path, false)
    } catch (error) {
      // A missing file is judged with the others that are missing.
      if (isGone(error)) return
      await this.#onUnreadable(path, error)
    }
    this.#findings.flush()
  }

  /** Drops a file that cannot be opened, unless its folder cannot be read either. */
  async #onUnreadable(path: string, error: unknown): Promise<void> {
    const at = this.#locate(path)
    if (at === undefined) return
    this.problems.add(path, faultOf(error))
    const before = this.#catalog.get(at)
    if (before?.at.path === path && (await isFolderReadable(dirname(path))))
      this.#comparer.drop(before)
    this.#findings.flush()
  }

  /**
   * The disk of a folder gives bytes again: reads the files again that were found damaged because it
   * did not.
   */
  verifyDamagedBelow(folder: string): void {
    this.#work.start('read damaged files again', async (signal) => {
      let next: number | undefined = 0
      while (next !== undefined) {
        const seqs = this.#catalog.damage.after(next, limits.catalogRowsPerRead)
        for (const seq of seqs) {
          const [entry] = this.#catalog.entriesBetween(seq - 1, seq, 1)
          if (entry !== undefined && isInside(folder, entry.at.path))
            await this.#copies.verify(entry.at.path, { signal })
        }
        next = seqs.at(-1)
      }
    })
  }

  /** See {@link CopyVerifier.setAside}. */
  async setAside(key: CopyKey): Promise<void> {
    await this.#copies.setAside(key)
  }

  /** Reads a copy that looks untouched. See {@link CopyVerifier.verify}. */
  async readCopy(path: string, options: VerifyOptions): Promise<Verdict> {
    return await this.#copies.verify(path, options)
  }

  /**
   * A requester received wrong bytes of this content: schedules reading its files, which are then
   * announced again or dropped.
   */
  verify(sha256: string): void {
    for (const { at } of this.#catalog.find(sha256)) this.#verifier.add(at.path, true)
  }

  /**
   * Files that this peer wrote are many and rarely need a comparison: they are checked in batches.
   */
  #lookAtOwn(path: string): void {
    this.#ownHints.add(path)
    if (this.#ownHints.size > 1) return
    this.#work.start('look at own files', async (signal) => {
      await this.#clock.sleep(ownLookMs, signal)
      const paths = [...this.#ownHints]
      this.#ownHints.clear()
      for (const changed of await this.#ownWrites.changed(paths)) this.look(changed)
    })
  }

  async #lookAtHints(signal: AbortSignal): Promise<void> {
    try {
      for (const path of this.#hints) {
        if (signal.aborted) break
        this.#hints.delete(path)
        if (await this.#lookAt(path)) this.#hints.add(path)
      }
    } finally {
      this.#lookers--
      if (this.#lookers === 0) this.#findings.flush()
    }
  }

  #locate(path: string): Location | undefined {
    const at = this.#folders.locate(path)
    return at && this.#catalog.named(at)
  }

  /** @returns whether to compare again */
  async #lookAt(path: string): Promise<boolean> {
    const at = this.#locate(path)
    if (at === undefined || at.diskName.split('/').some(isOwnName)) return false
    if (this.#guard.isAway(path)) return false
    if (this.#ignored.isRuleFile(at)) this.#applyRules()
    const fault = faultOfName(at.diskName)
    if (fault === undefined) return (await this.#comparer.compare({ at, mayBeLinked: true })).again
    if (await isThere(path)) this.problems.add(path, fault)
    else this.problems.clear(path)
    return false
  }

  [Symbol.dispose](): void {
    this.#settling[Symbol.dispose]()
    this.#vanished[Symbol.dispose]()
    this.#findings[Symbol.dispose]()
  }
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}

/** Whether only this file cannot be read. */
async function isFolderReadable(folder: string): Promise<boolean> {
  return await access(folder, constants.R_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}
