import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Cancel, Clock } from '../../common/clock.ts'
import { isSameStat } from '../../common/content/file-stat.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import type { Catalog } from './catalog.ts'
import type { CatalogFile, Entry } from './entry.ts'
import type { Finding } from './findings.ts'
import type { FolderGuard } from './folder-guard.ts'
import { inspect } from './inspect.ts'
import { judgeLoss } from './judge-loss.ts'
import { removeEmptyFolders } from './remove-file.ts'
import type { Removal } from './removed-names.ts'
import { SeqSet } from './seq-set.ts'
import { SeqTimes } from './seq-times.ts'

interface Dependencies {
  readonly catalog: Catalog
  readonly guard: FolderGuard
  readonly clock: Clock
  /** Whether changed files or folders are being compared. */
  readonly isLooking: () => boolean
  /** Called when the added entries should be judged. */
  readonly onDue: () => void
  /** Called with each deleted entry. */
  readonly drop: (finding: Finding) => void
  /** Requests a comparison of a path. */
  readonly look: (path: string) => void
}

/** A judgement of everything that a full scan found missing. */
export interface ScanJudgement {
  /** The last change of the catalog when the scan began: files recorded since then are new. */
  readonly sinceSeq: number
  /** Kinds whose missing files were deleted, as the user confirmed. */
  readonly confirmed: ReadonlySet<CopyKind>
}

/**
 * Files that disappear together are judged together: after the shorter time without another, or
 * after the longer one.
 */
const quietMs = 500
const longestMs = 10_000
/** A file that is found under a new name within this time was renamed. */
const renamedWithinMs = 60_000

/** Entries dropped before other work gets its turn: a few milliseconds. */
const dropsPerTurn = 50

/** Which files are new enough to be renamed ones, and those that are already taken as such. */
interface Recent {
  readonly sinceSeq: number
  readonly used: SeqSet
}

interface Missing {
  readonly lost: SeqSet
  readonly moved: SeqSet
}

/** Entries whose files are not there, until it is clear whether they were deleted or lost. */
export class Vanished implements Disposable {
  readonly #dependencies: Dependencies
  readonly #queue = new SerialQueue()
  readonly #seqs: SeqTimes
  #missing = new SeqSet()
  /** Entries that the running full scan has found missing so far. */
  #scanned = new SeqSet()
  #sinceMs = 0
  #cancelTimer: Cancel | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.#seqs = new SeqTimes({ keptMs: renamedWithinMs }, dependencies)
  }

  /**
   * The file of this entry is missing. `inScan`: it is judged with all others at the end of the
   * full scan.
   */
  add(entry: Entry, { inScan = false } = {}): void {
    const { clock } = this.#dependencies
    if (inScan) return this.#scanned.add(entry.seq)
    if (this.#missing.size === 0) this.#sinceMs = clock.monotonicMs()
    this.#missing.add(entry.seq)
    if (this.#cancelTimer !== undefined && this.#isOverdue) return
    this.#cancelTimer?.()
    this.#setTimer()
  }

  /** A shared file was found: it may be a deleted one under another name. */
  onFound(file: CatalogFile): void {
    const { catalog, clock } = this.#dependencies
    catalog.findRenamed(file, clock.nowMs() - renamedWithinMs)
  }

  get #isOverdue(): boolean {
    return this.#dependencies.clock.monotonicMs() - this.#sinceMs > longestMs
  }

  #setTimer(): void {
    const { clock, isLooking, onDue } = this.#dependencies
    this.#cancelTimer = clock.after(quietMs, () => {
      this.#cancelTimer = undefined
      // Folders that are being compared may have the files under other names.
      if (isLooking() && !this.#isOverdue) this.#setTimer()
      else onDue()
    })
  }

  /**
   * Drops entries whose files were deleted or renamed, and keeps the rest.
   * @returns the number of dropped entries
   */
  async judge(scan?: ScanJudgement): Promise<number> {
    return await this.#queue.run(async () => {
      this.#cancelTimer?.()
      this.#cancelTimer = undefined
      const missing = this.#missing
      this.#missing = new SeqSet()
      if (scan !== undefined) {
        for (const seq of this.#scanned) missing.add(seq)
        this.#scanned = new SeqSet()
      }
      // The folder may have disappeared after its files were found missing.
      await this.#dependencies.guard.survey()
      const byKind = await this.#lookAgain(missing)
      let dropped = 0
      for (const kind of ['shared', 'downloaded', 'replicated'] as const)
        if (!this.#dependencies.guard.isKindAway(kind))
          dropped += await this.#settle(kind, byKind[kind], scan)
      return dropped
    })
  }

  async #lookAgain(missing: SeqSet): Promise<Record<CopyKind, Missing>> {
    const none = (): Missing => ({ lost: new SeqSet(), moved: new SeqSet() })
    const byKind = { shared: none(), downloaded: none(), replicated: none() }
    await inParallel(this.#entries(missing), limits.filesComparedAtOnce, async (entry) => {
      if (!(await this.#isMissing(entry))) return
      const { lost, moved } = byKind[entry.at.kind]
      ;(this.#isElsewhere(entry, missing) ? moved : lost).add(entry.seq)
    })
    return byKind
  }

  async #isMissing(entry: Entry): Promise<boolean> {
    const { guard, look } = this.#dependencies
    if (guard.isAway(entry.at.path)) return false
    try {
      const now = await inspect(entry.at, true)
      if (now !== undefined && !isSameStat(now, entry.stat)) look(entry.at.path)
      return now === undefined
    } catch {
      // An error does not mean that the file is gone.
      return false
    }
  }

  /** Whether the same folder has the content under another name. */
  #isElsewhere({ at, stat, content: { sha256 } }: Entry, missing: SeqSet): boolean {
    const { catalog } = this.#dependencies
    const isOther = (other: Entry): boolean =>
      other.at.kind === at.kind && !missing.has(other.seq) && other.content.sha256 === sha256
    // By inode first: of many equal files, only some are found by content.
    return catalog.sharedAt(stat.ino).some(isOther) || catalog.find(sha256).some(isOther)
  }

  async #settle(
    kind: CopyKind,
    { lost, moved }: Missing,
    scan: ScanJudgement | undefined,
  ): Promise<number> {
    const { catalog, guard } = this.#dependencies
    const wasKept = guard.keptReason(kind) !== undefined
    const total = catalog.totals()[kind].count - moved.size
    const isConfirmed = scan?.confirmed.has(kind) === true
    // Only shared/ tells which files are wanted. A missing copy in another folder must not count as kept,
    // so that the index can have it replaced elsewhere.
    const mayBeLost = kind === 'shared' && !isConfirmed
    const reason = mayBeLost ? judgeLoss({ total, lost: lost.size, wasKept }) : undefined
    // Single reports do not show that everything is back.
    const isKept = reason !== undefined || (wasKept && scan === undefined)
    if (reason !== undefined && (scan !== undefined || !wasKept))
      guard.keep(kind, reason, lost.size)
    else if (!isKept) guard.keep(kind, undefined, 0)
    const used = new SeqSet()
    const sinceSeq = Math.min(this.#seqs.before, scan?.sinceSeq ?? Infinity)
    const drop = (seqs: SeqSet): Promise<number> => this.#drop(seqs, { sinceSeq, used })
    return (await drop(moved)) + (isKept ? 0 : await drop(lost))
  }

  async #drop(seqs: SeqSet, recent: Recent): Promise<number> {
    const { clock, drop } = this.#dependencies
    let count = 0
    for (const before of this.#entries(seqs)) {
      count += 1
      if (count % dropsPerTurn === 0) await nextTurn()
      const { at } = before
      if (at.kind !== 'shared') {
        drop({ at, before, apply: (catalog) => catalog.drop(at) })
        // A process that ended after it had moved the file may have left them.
        if (at.kind === 'replicated') await removeEmptyFolders(at)
        continue
      }
      const renamedTo = this.#newNameOf(before, seqs, recent)
      const removal: Removal =
        renamedTo === undefined ? { reason: 'deleted' } : { reason: 'renamed', renamedTo }
      const atMs = clock.nowMs()
      drop({ at, before, apply: (catalog) => catalog.remove(at.name, removal, atMs) })
    }
    return seqs.size
  }

  /** The name under which a missing file was found: by its inode, or because it is a new file. */
  #newNameOf(
    { stat, content: { sha256 } }: Entry,
    missing: SeqSet,
    { sinceSeq, used }: Recent,
  ): string | undefined {
    const { catalog } = this.#dependencies
    const isFree = ({ seq, at }: Entry): boolean =>
      at.kind === 'shared' && !missing.has(seq) && !used.has(seq)
    const found =
      catalog.sharedAt(stat.ino).find((one) => one.content.sha256 === sha256 && isFree(one)) ??
      catalog.find(sha256).find((one) => one.seq > sinceSeq && isFree(one))
    if (found !== undefined) used.add(found.seq)
    return found?.at.name
  }

  *#entries(seqs: SeqSet): Generator<Entry> {
    for (const seq of seqs) yield* this.#dependencies.catalog.entriesBetween(seq - 1, seq, 1)
  }

  [Symbol.dispose](): void {
    this.#seqs[Symbol.dispose]()
    this.#cancelTimer?.()
  }
}
