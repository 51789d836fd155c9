import type { Cancel, Clock } from '../../common/clock.ts'
import { isSameStat } from '../../common/content/file-stat.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Finding } from './findings.ts'
import type { FolderGuard } from './folder-guard.ts'
import { inspect } from './inspect.ts'
import { judgeLoss } from './loss.ts'
import { SeqSet } from './seq-set.ts'

interface Dependencies {
  readonly catalog: Catalog
  readonly guard: FolderGuard
  readonly clock: Clock
  /** Called when the added entries should be judged. */
  readonly onDue: () => void
  /** Called with each deleted entry. */
  readonly drop: (finding: Finding) => void
  /** Requests a comparison of a path. */
  readonly look: (path: string) => void
}

/** A judgement of everything that a full scan found missing. */
export interface ScanJudgement {
  /** Kinds whose missing files were deleted, as the user confirmed. */
  readonly confirmed: ReadonlySet<CopyKind>
}

/**
 * Files that disappear together are judged together: after the shorter time without another, or
 * after the longer one.
 */
const quietMs = 500
const longestMs = 10_000

interface Missing {
  readonly lost: SeqSet
  readonly moved: SeqSet
}

/** Entries whose files are not there, until it is clear whether they were deleted or lost. */
export class Vanished implements Disposable {
  readonly #dependencies: Dependencies
  readonly #queue = new SerialQueue()
  #missing = new SeqSet()
  /** Entries that the running full scan has found missing so far. */
  #scanned = new SeqSet()
  #sinceMs = 0
  #cancelTimer: Cancel | undefined

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
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
    if (this.#cancelTimer !== undefined && clock.monotonicMs() - this.#sinceMs > longestMs) return
    this.#cancelTimer?.()
    this.#cancelTimer = clock.after(quietMs, () => {
      this.#cancelTimer = undefined
      this.#dependencies.onDue()
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
          dropped += this.#settle(kind, byKind[kind], scan)
      return dropped
    })
  }

  async #lookAgain(missing: SeqSet): Promise<Record<CopyKind, Missing>> {
    const none = (): Missing => ({ lost: new SeqSet(), moved: new SeqSet() })
    const byKind = { shared: none(), downloaded: none(), replicated: none() }
    for (const entry of this.#entries(missing))
      if (await this.#isMissing(entry)) {
        const { lost, moved } = byKind[entry.at.kind]
        ;(this.#isElsewhere(entry, missing) ? moved : lost).add(entry.seq)
      }
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
  #isElsewhere({ at, content }: Entry, missing: SeqSet): boolean {
    const holders = this.#dependencies.catalog.find(content.sha256)
    return holders.some((other) => other.at.kind === at.kind && !missing.has(other.seq))
  }

  #settle(kind: CopyKind, { lost, moved }: Missing, scan: ScanJudgement | undefined): number {
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
    return this.#drop(moved) + (isKept ? 0 : this.#drop(lost))
  }

  #drop(seqs: SeqSet): number {
    for (const before of this.#entries(seqs)) {
      const { at } = before
      this.#dependencies.drop({ at, before, apply: (catalog) => catalog.drop(at) })
    }
    return seqs.size
  }

  *#entries(seqs: SeqSet): Generator<Entry> {
    for (const seq of seqs) yield* this.#dependencies.catalog.entriesBetween(seq - 1, seq, 1)
  }

  [Symbol.dispose](): void {
    this.#cancelTimer?.()
  }
}
