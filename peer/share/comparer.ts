import { type FileStat, hashFile } from '../../common/content/hash.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import type { Fault } from '../problem-table.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import { faultAt, faultOf } from './faults.ts'
import { isSameStat } from './file-stat.ts'
import type { Findings } from './findings.ts'
import type { Location } from './folders.ts'
import type { Problems } from './problems.ts'
import type { Settling } from './settling.ts'
import { inspect } from './walk.ts'

/** A file to look at. */
export interface Candidate {
  readonly at: Location
  /** Whether a link may be part of its path. */
  readonly mayBeLinked: boolean
}

interface Dependencies {
  readonly catalog: Catalog
  readonly findings: Findings
  readonly problems: Problems
  readonly settling: Settling
  /** Aborted when nothing needs to be read any more. */
  readonly signal: AbortSignal
}

/** What came of a comparison: the entry that is true, or what keeps the file from being shared. */
interface Compared {
  readonly seq?: number
  readonly fault?: Fault | undefined
}

/** Compares files on disk with their entries, reads those that differ, and passes on what it finds. */
export class Comparer {
  readonly #dependencies: Dependencies
  /** Paths being compared, and whether somebody asked for another look meanwhile. */
  readonly #comparing = new Map<string, { again: boolean }>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Compares one file. Whatever goes wrong is a problem of that file alone.
   * @returns the number of its entry if that is true; whether the file should be looked at again
   */
  async compare(candidate: Candidate): Promise<{ seq?: number; again: boolean }> {
    const { path } = candidate.at
    const running = this.#comparing.get(path)
    if (running !== undefined) {
      running.again = true
      return { again: false }
    }
    const state = { again: false }
    this.#comparing.set(path, state)
    try {
      const { seq, fault } = await this.#compare(candidate)
      this.#tell(path, fault)
      return seq === undefined ? state : { ...state, seq }
    } catch (error) {
      // Changed or gone since we looked: the next look tells which.
      if (hasCode(error, 'CONTENT_CHANGED') || hasCode(error, 'FILE_NOT_FOUND')) state.again = true
      else if (!this.#dependencies.signal.aborted) this.#tell(path, faultOf(error))
      return state
    } finally {
      this.#comparing.delete(path)
    }
  }

  async #compare({ at, mayBeLinked }: Candidate): Promise<Compared> {
    const { catalog, settling } = this.#dependencies
    const before = catalog.get(at)
    const stat = await inspect(at, mayBeLinked)
    const isOwn = before?.at.path === at.path
    if (stat === undefined) {
      settling.forget(at.path)
      if (isOwn) this.drop(before)
      return { fault: await faultAt(at) }
    }
    if (before !== undefined && isSameStat(before.stat, stat)) {
      settling.forget(at.path)
      return { seq: before.seq }
    }
    if (at.kind === 'shared' && catalog.isUnshared(at.name)) return {}
    if (before !== undefined && !isOwn && (await isThere(before)))
      return { fault: { code: 'NAME_TWIN', details: { other: before.at.diskName } } }
    const state = settling.judge(at.path, stat)
    if (state === 'quiet') await this.#read(at, stat, before)
    else if (state === 'restless') {
      if (isOwn) this.drop(before)
      return { fault: { code: 'KEEPS_CHANGING' } }
    }
    return {}
  }

  /** The file of an entry is not there, or cannot be read. */
  drop(before: Entry): void {
    const { at } = before
    this.#dependencies.findings.add({ at, before, apply: (catalog) => catalog.drop(at) })
  }

  #tell(path: string, fault: Fault | undefined): void {
    if (fault === undefined) this.#dependencies.problems.clear(path)
    else this.#dependencies.problems.add(path, fault)
  }

  async #read(at: Location, stat: FileStat, before: Entry | undefined): Promise<void> {
    const { findings, signal } = this.#dependencies
    try {
      const read = await hashFile(at.path, { signal, root: at.root })
      if (!isSameStat(read.stat, stat)) throw new AppError('CONTENT_CHANGED', { name: at.name })
      // What is not the content that its folder is called after is no copy of anything.
      if (at.version !== undefined && at.version !== read.content.sha256) {
        if (before !== undefined) this.drop(before)
        return
      }
      const file = { at, stat, content: read.content }
      findings.add({ at, before, apply: (catalog) => catalog.put(file, read.chunkList) })
    } catch (error) {
      // A changed file that cannot be read holds nothing we know of.
      if (before !== undefined && hasCode(error, 'DISK_FAILED')) this.drop(before)
      throw error
    }
  }
}

/** Two files whose names differ only in their Unicode normal form are one name: the first one has it. */
async function isThere({ at }: Entry): Promise<boolean> {
  return (await inspect(at, true)) !== undefined
}
