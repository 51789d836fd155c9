import type { Clock } from '../../common/clock.ts'
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { AppError, hasCode } from '../../common/errors.ts'
import { inParallel } from '../../common/in-parallel.ts'
import { limits } from '../../common/limits.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { Fault } from '../problem-table.ts'
import type { Catalog } from './catalog.ts'
import { damageFault } from './copy-verifier.ts'
import type { Entry } from './entry.ts'
import { faultAt, faultOf } from './faults.ts'
import type { Findings } from './findings.ts'
import { type Folders, type Location, nameOn, type Root } from './folders.ts'
import type { IgnoredFiles } from './ignored-files.ts'
import { inspect } from './inspect.ts'
import { isGone } from './is-gone.ts'
import { nameBefore } from './name-before.ts'
import type { Problems } from './problems.ts'
import type { Settling } from './settling.ts'
import type { Vanished } from './vanished.ts'
import type { SmallHash, Walker } from './walker.ts'

/** A file to compare with its entry. */
export interface FileToCompare {
  readonly at: Location
  /** Whether a link may be part of its path. */
  readonly mayBeLinked: boolean
  /** Whether a full scan compares it: a missing file is then judged with all that are missing. */
  readonly inScan?: boolean
}

interface Dependencies {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly walker: Pick<Walker, 'hash'>
  readonly findings: Findings
  readonly problems: Problems
  readonly settling: Settling
  readonly ignored: Pick<IgnoredFiles, 'isIgnored' | 'isUnknown'>
  readonly clock: Clock
  readonly vanished: Vanished
  /** Called with the path of a file whose bytes changed although it looks untouched. */
  readonly onAltered: (path: string) => void
  /** Called with a kept version whose content does not have its hash; returns immediately. */
  readonly onSpoiled: (file: { at: Location; stat: FileStat }) => void
  /** Aborted when nothing needs to be read. */
  readonly signal: AbortSignal
}

/**
 * The result of a comparison: the number of a matching entry, or the fault that prevents sharing.
 */
interface Compared {
  readonly seq?: number
  readonly fault?: Fault | undefined
}

/** Files of a root as a walk has found them. */
export interface FoundFiles {
  readonly root: Root
  readonly files: readonly { readonly diskName: string; readonly stat: FileStat }[]
}

interface Changed {
  readonly at: Location
  readonly stat: FileStat
}

/** Whether another comparison was requested while the file was compared. */
interface State {
  again: boolean
}

/** A file that exists, and its entry. */
interface Seen extends Changed {
  readonly before: Entry | undefined
}

/** A changed file to read. */
interface Running extends Seen {
  readonly state: State
}

/** Compares files on disk with their entries, reads those that differ, and reports findings. */
export class Comparer {
  readonly #dependencies: Dependencies
  /** Paths being compared, and whether another comparison was requested meanwhile. */
  readonly #comparing = new Map<string, { again: boolean }>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Whether the file at `path` is being compared: `compare` then only requests another comparison.
   */
  isComparing(path: string): boolean {
    return this.#comparing.has(path)
  }

  /**
   * Compares one file. Any failure is a problem of that file alone.
   * @returns the number of its entry if that matches; whether to compare the file again
   */
  async compare(file: FileToCompare): Promise<{ seq?: number; again: boolean }> {
    const { path } = file.at
    const state = this.#begin(path)
    if (state === undefined) return { again: false }
    try {
      const { seq, fault } = await this.#compare(file)
      this.#tell(path, fault)
      return seq === undefined ? state : { ...state, seq }
    } catch (error) {
      this.#onError(path, error, state)
      return state
    } finally {
      this.#comparing.delete(path)
    }
  }

  /**
   * Compares files that a walk has found, as {@link compare} does; small ones that differ are read
   * in one batch.
   * @param onTrue called with the number of each matching entry
   * @returns the paths to compare again
   */
  async compareFound(found: FoundFiles, onTrue: (seq: number) => void): Promise<string[]> {
    const { catalog, folders } = this.#dependencies
    const changed: Changed[] = []
    for (const { diskName, stat } of found.files) {
      const seq = this.#seqOfTrue(found.root, diskName, stat)
      if (seq !== undefined) onTrue(seq)
      else changed.push({ at: catalog.named(folders.at(found.root, diskName)), stat })
    }
    return changed.length === 0 ? [] : await this.#compareChanged(found.root, changed, onTrue)
  }

  /** The number of the entry that matches a file; undefined if none does. */
  #seqOfTrue(root: Root, diskName: string, stat: FileStat): number | undefined {
    const { catalog, folders, problems, settling } = this.#dependencies
    const known = catalog.known({ ...root, name: nameOn(diskName) })
    if (known?.diskName !== diskName || !isSameStat(known.stat, stat)) return undefined
    if (known.stat.ctimeNs !== stat.ctimeNs) return undefined
    if (catalog.damage.has(known.seq)) return undefined
    if (problems.isEmpty && settling.isEmpty) return known.seq
    const { path } = folders.at(root, diskName)
    settling.forget(path)
    this.#tell(path, undefined)
    return known.seq
  }

  async #compareChanged(
    root: Root,
    files: readonly Changed[],
    onTrue: (seq: number) => void,
  ): Promise<string[]> {
    const again: string[] = []
    const begun = new Map<string, State>()
    const end = ({ at }: Changed, state: State): void => {
      begun.delete(at.path)
      this.#comparing.delete(at.path)
      if (state.again) again.push(at.path)
    }
    try {
      const running: Running[] = []
      for (const file of files) {
        const state = this.#begin(file.at.path)
        if (state === undefined) continue
        begun.set(file.at.path, state)
        const before = this.#dependencies.catalog.get(file.at)
        const isToRead = await this.#isToRead({ ...file, before, state }, onTrue)
        if (isToRead) running.push({ ...file, state, before })
        else end(file, state)
      }
      await this.#readAll(root, running, end)
    } finally {
      // If the catalog cannot be read, the next scan starts over.
      for (const path of begun.keys()) this.#comparing.delete(path)
    }
    return again
  }

  async #readAll(
    root: Root,
    running: readonly Running[],
    end: (file: Changed, state: State) => void,
  ): Promise<void> {
    const isSmall = ({ stat }: Changed): boolean => stat.size <= limits.smallHashBytesMax
    const small = running.filter(isSmall)
    const paths = small.map(({ at }) => at.path)
    const read = await this.#hash(root, paths)
    for (const [index, file] of small.entries()) {
      this.#onSmallRead(file, read[index])
      end(file, file.state)
    }
    const large = running.filter((file) => !isSmall(file))
    await inParallel(large, limits.filesComparedAtOnce, async (file) => {
      await this.#readLarge(file)
      end(file, file.state)
    })
  }

  /** @returns an empty list if the thread has ended, which says nothing about the files */
  async #hash(root: Root, paths: readonly string[]): Promise<SmallHash[]> {
    try {
      return await this.#dependencies.walker.hash(root.path, paths)
    } catch {
      return []
    }
  }

  async #isToRead(
    { at, stat, before, state }: Running,
    onTrue: (seq: number) => void,
  ): Promise<boolean> {
    try {
      const verdict = await this.#judge(at, stat, before)
      if (verdict === 'read') return true
      if (verdict.seq !== undefined) onTrue(verdict.seq)
      this.#tell(at.path, verdict.fault)
    } catch (error) {
      this.#onError(at.path, error, state)
    }
    return false
  }

  #onSmallRead({ at, stat, before, state }: Running, read: SmallHash | undefined): void {
    if (read === undefined) return void (state.again = true)
    if (!(read instanceof Error)) {
      if (!isSameStat(read.stat, stat)) return void (state.again = true)
      const { sha256 } = read
      const content = { sha256, size: stat.size, chunkRoot: sha256 }
      const chunkList = Buffer.from(sha256, 'hex')
      this.#tell(at.path, this.#record({ at, stat, before }, { content, chunkList }))
    } else if (isGone(read)) state.again = true
    else {
      // The content of a changed file that cannot be read is unknown.
      if (before !== undefined) this.drop(before)
      this.#tell(at.path, faultOf(read))
    }
  }

  async #readLarge({ at, stat, before, state }: Running): Promise<void> {
    try {
      this.#tell(at.path, await this.#read({ at, stat, before }))
    } catch (error) {
      this.#onError(at.path, error, state)
    }
  }

  /** Marks the file as being compared; undefined if it already is. */
  #begin(path: string): State | undefined {
    const running = this.#comparing.get(path)
    if (running !== undefined) {
      running.again = true
      return undefined
    }
    const state = { again: false }
    this.#comparing.set(path, state)
    return state
  }

  #onError(path: string, error: unknown, state: State): void {
    // Changed or deleted meanwhile: the next comparison tells which.
    if (hasCode(error, 'CONTENT_CHANGED') || hasCode(error, 'FILE_NOT_FOUND')) state.again = true
    else if (!this.#dependencies.signal.aborted) this.#tell(path, faultOf(error))
  }

  async #compare({ at, mayBeLinked, inScan = false }: FileToCompare): Promise<Compared> {
    const { catalog, settling } = this.#dependencies
    const before = catalog.get(at)
    if (this.#dependencies.ignored.isIgnored(at)) {
      settling.forget(at.path)
      if (before !== undefined) this.#withdraw(before)
      return {}
    }
    const stat = await inspect(at, mayBeLinked)
    if (stat === undefined) {
      settling.forget(at.path)
      if (before?.at.path === at.path) this.#dependencies.vanished.add(before, { inScan })
      return { fault: await faultAt(at) }
    }
    const verdict = await this.#judge(at, stat, before)
    if (verdict !== 'read') return verdict
    return { fault: await this.#read({ at, stat, before }) }
  }

  /** Judges a file that exists. */
  async #judge(
    at: Location,
    stat: FileStat,
    before: Entry | undefined,
  ): Promise<Compared | 'read'> {
    const { catalog, settling } = this.#dependencies
    const isOwn = before?.at.path === at.path
    if (before !== undefined && isSameStat(before.stat, stat)) {
      settling.forget(at.path)
      return this.#untouched(at, stat, before)
    }
    if (at.kind === 'shared' && catalog.isUnshared(at.name)) return {}
    if (at.kind === 'shared' && before === undefined && this.#dependencies.ignored.isUnknown)
      return {}
    if (before !== undefined && !isOwn && (await isThere(before)))
      return { fault: { code: 'NAME_TWIN', details: { other: before.at.diskName } } }
    const state = settling.judge(at.path, stat, isOwn ? before.stat : undefined)
    if (state === 'quiet')
      return (before === undefined ? await this.#adoptRenamed(at, stat) : undefined) ?? 'read'
    if (state === 'settling') return {}
    if (isOwn) this.drop(before)
    return { fault: { code: 'KEEPS_CHANGING' } }
  }

  /** Records a file that was renamed, and need not be read. */
  async #adoptRenamed(at: Location, stat: FileStat): Promise<Compared | undefined> {
    const known = await nameBefore(at, stat, this.#dependencies.catalog)
    return known && { fault: this.#record({ at, stat, before: undefined }, known) }
  }

  /**
   * Judges a file with the recorded size, time and inode. If its change time differs, it was
   * touched nevertheless, and its bytes are read.
   */
  #untouched(at: Location, stat: FileStat, before: Entry): Compared | 'read' {
    const known = before.stat.ctimeNs
    if (known === undefined) this.#noteChangeTime(at, stat, before)
    else if (known !== stat.ctimeNs) return 'read'
    return { seq: before.seq, fault: this.#damageOf(before) }
  }

  #damageOf({ seq, content }: Entry): Fault | undefined {
    const damage = this.#dependencies.catalog.damage.of(seq, content.size)
    return damage && damageFault(damage)
  }

  #noteChangeTime(at: Location, { ctimeNs }: FileStat, before: Entry): void {
    if (ctimeNs === undefined || ctimeNs === before.stat.ctimeNs) return
    const apply = (catalog: Catalog): void => catalog.noteChangeTime(before.seq, ctimeNs)
    this.#dependencies.findings.add({ at, before, apply })
  }

  /** Drops an entry whose file cannot be read, or is written continuously. */
  drop(before: Entry): void {
    const { at } = before
    this.#dependencies.findings.add({ at, before, apply: (catalog) => catalog.drop(at) })
  }

  /** Takes a file that is ignored now out of the cluster. */
  #withdraw(before: Entry): void {
    const { clock, findings } = this.#dependencies
    const { at } = before
    const atMs = clock.nowMs()
    const removal = { reason: 'withdrawn' } as const
    findings.add({ at, before, apply: (catalog) => catalog.remove(at.name, removal, atMs) })
  }

  #tell(path: string, fault: Fault | undefined): void {
    if (fault === undefined) this.#dependencies.problems.clear(path)
    else this.#dependencies.problems.add(path, fault)
  }

  /**
   * Reads a file and records its content.
   * @returns the fault that the user should know of
   */
  async #read(file: Seen): Promise<Fault | undefined> {
    const { at, stat, before } = file
    const { signal } = this.#dependencies
    try {
      const read = await hashFile(at.path, { signal, root: at.root })
      if (!isSameStat(read.stat, stat)) throw new AppError('CONTENT_CHANGED', { name: at.name })
      return this.#record(file, read)
    } catch (error) {
      if (before === undefined || !hasCode(error, 'DISK_FAILED')) throw error
      // The content of a file that was written and cannot be read is unknown.
      if (!this.#isUnwritten(before, at, stat)) this.drop(before)
      else this.#dependencies.onAltered(at.path)
      throw error
    }
  }

  #record(
    { at, stat, before }: Seen,
    { content, chunkList }: { readonly content: Content; readonly chunkList: Uint8Array },
  ): Fault | undefined {
    const { sha256 } = content
    const { catalog, onAltered, onSpoiled, findings, vanished } = this.#dependencies
    const wasDamaged = before !== undefined && catalog.damage.has(before.seq)
    if (before !== undefined && this.#isUnwritten(before, at, stat)) {
      if (sha256 !== before.content.sha256) {
        onAltered(at.path)
        return this.#damageOf(before)
      }
      // The entry stays, and with it the mark of an unflushed file.
      if (!wasDamaged && isSameStat(before.stat, stat)) {
        this.#noteChangeTime(at, stat, before)
        return undefined
      }
    }
    // A file without the content that its folder is named after is no copy of it.
    if (at.version !== undefined && at.version !== sha256) {
      if (before !== undefined) this.drop(before)
      onSpoiled({ at, stat })
      return undefined
    }
    const file = { at, stat, content }
    const options = { mustAnnounce: wasDamaged }
    const apply = (): void => {
      catalog.put(file, chunkList, options)
      if (at.kind === 'shared' && before === undefined) vanished.onFound(file)
    }
    findings.add({ at, before, apply })
    return undefined
  }

  /** Whether the file should have its recorded content: no user writes a replica. */
  #isUnwritten(before: Entry, at: Location, stat: FileStat): boolean {
    return isSameStat(before.stat, stat) || (at.kind === 'replicated' && before.at.path === at.path)
  }
}

/**
 * Two files whose names differ only in Unicode normalization have one name: the first one keeps it.
 */
async function isThere({ at }: Entry): Promise<boolean> {
  return (await inspect(at, true)) !== undefined
}
