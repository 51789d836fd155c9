/**
 * Keeps the catalog true to the disk. Every file that may have changed goes the same way:
 *
 *   scan (all files), look (a watcher's hint, a file that became quiet), recheck (could not be served)
 *     -> Comparer -> Findings -> Catalog
 */
import { constants } from 'node:fs'
import { access, lstat } from 'node:fs/promises'
import type { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import type { AppError } from '../../common/errors.ts'
import { isOwnName } from '../../common/ids.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Fault } from '../problem-table.ts'
import type { Catalog } from './catalog.ts'
import { type Candidate, Comparer } from './comparer.ts'
import type { Entry } from './entry.ts'
import { faultOf, faultOfName } from './faults.ts'
import { Findings } from './findings.ts'
import type { Folders, Location } from './folders.ts'
import { isGone } from './is-gone.ts'
import type { OwnWrites } from './own-writes.ts'
import { Problems } from './problems.ts'
import { removeLeftover } from './remove-file.ts'
import { Settling } from './settling.ts'
import { walk } from './walk.ts'

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly work: BackgroundWork
  readonly ownWrites: OwnWrites
  readonly clock: Clock
  readonly log: Log
}

/** What the system tells of within this time is looked at together, when it is written and recorded. */
const ownLookMs = 100

export class Scanner implements Disposable {
  readonly problems: Problems
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #work: BackgroundWork
  readonly #settling: Settling
  readonly #findings: Findings
  readonly #comparer: Comparer
  /** Paths to look at, and how many workers are doing so. */
  readonly #hints = new Set<string>()
  #lookers = 0
  readonly #ownWrites: OwnWrites
  readonly #clock: Clock
  /** Paths among those that this peer wrote itself. */
  readonly #ownHints = new Set<string>()

  /** @param options.quietMs how long a file must be unchanged before it is read */
  constructor(options: { quietMs: number }, dependencies: Dependencies) {
    const look = (path: string): void => this.look(path)
    this.#folders = dependencies.folders
    this.#catalog = dependencies.catalog
    this.#work = dependencies.work
    this.#ownWrites = dependencies.ownWrites
    this.#clock = dependencies.clock
    this.problems = new Problems(dependencies)
    this.#settling = new Settling({ ...options, onDue: look }, dependencies)
    const onRefused = (path: string, error: AppError): void => {
      const { cause } = error
      const reason = cause instanceof Error ? cause.message : error.code
      this.problems.add(path, { code: 'NOT_RECORDED', details: { reason } })
    }
    this.#findings = new Findings({ onOutdated: look, onRefused }, dependencies)
    this.#comparer = new Comparer({
      catalog: this.#catalog,
      findings: this.#findings,
      problems: this.problems,
      settling: this.#settling,
      signal: this.#work.signal,
    })
  }

  /** Compares all files with the catalog, then what they did not account for in the catalog with the disk. */
  async scan(signal: AbortSignal): Promise<void> {
    const { lastSeq } = this.#catalog
    const seen = new Set<number>()
    this.problems.beginScan()
    const compare = async (candidate: Candidate): Promise<void> => {
      signal.throwIfAborted()
      const { seq, again } = await this.#comparer.compare(candidate)
      if (seq !== undefined) seen.add(seq)
      if (again) this.look(candidate.at.path)
    }
    await inParallel(this.#files(), limits.filesComparedAtOnce, compare)
    await inParallel(this.#unseen(lastSeq, seen), limits.filesComparedAtOnce, ({ at }) =>
      compare({ at, mayBeLinked: true }),
    )
    this.problems.endScan()
    this.#findings.flush()
  }

  /** Compares one path with the catalog soon. */
  look(path: string): void {
    if (this.#ownWrites.has(path)) return this.#lookAtOwn(path)
    // What finds no room here is found by the next scan.
    if (this.#hints.size >= limits.changeHintsMax) return
    this.#hints.add(path)
    if (this.#lookers >= limits.filesComparedAtOnce) return
    this.#lookers++
    this.#work.start('look at changed files', (signal) => this.#lookAtHints(signal))
  }

  /** Compares one path with the catalog now; a file that cannot be opened is dropped. */
  async recheck(path: string): Promise<void> {
    const at = this.#locate(path)
    if (at === undefined) return
    await this.#comparer.compare({ at, mayBeLinked: true })
    try {
      await access(path, constants.R_OK)
    } catch (error) {
      const before = this.#catalog.get(at)
      if (before?.at.path === path) this.#comparer.drop(before)
      if (!isGone(error)) this.problems.add(path, faultOf(error))
    }
    this.#findings.flush()
  }

  /** Files that this peer wrote itself are many, and seldom need comparing: they are looked at together. */
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

  /** @returns whether to look again */
  async #lookAt(path: string): Promise<boolean> {
    const at = this.#locate(path)
    if (at === undefined || at.diskName.split('/').some(isOwnName)) return false
    const fault = faultOfName(at.diskName)
    if (fault === undefined) return (await this.#comparer.compare({ at, mayBeLinked: true })).again
    if (await isThere(path)) this.problems.add(path, fault)
    else this.problems.clear(path)
    return false
  }

  async *#files(): AsyncGenerator<Candidate> {
    const onProblem = (path: string, fault: Fault): void => this.problems.add(path, fault)
    const onOwnFile = (path: string): Promise<void> => removeLeftover(path, this.#clock.nowMs())
    for (const root of await this.#folders.roots())
      for await (const { diskName, isLinked } of walk({ root: root.path, onProblem, onOwnFile }))
        yield { at: this.#catalog.named(this.#folders.at(root, diskName)), mayBeLinked: isLinked }
  }

  /** Entries as old as the scan that it did not meet: gone, or moved about meanwhile. */
  async *#unseen(lastSeq: number, seen: ReadonlySet<number>): AsyncGenerator<Entry> {
    let entries: Entry[]
    for (let afterSeq = 0; ; afterSeq = entries.at(-1)?.seq ?? lastSeq) {
      entries = this.#catalog.entriesBetween(afterSeq, lastSeq, limits.catalogRowsPerRead)
      if (entries.length === 0) return
      yield* entries.filter(({ seq }) => !seen.has(seq))
    }
  }

  [Symbol.dispose](): void {
    this.#settling[Symbol.dispose]()
    this.#findings[Symbol.dispose]()
  }
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    () => false,
  )
}
