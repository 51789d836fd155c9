/**
 * Guards folders as a whole: the three roots, and the folders that are mounted below them. A folder that
 * is missing, unreadable, or another one than before is unavailable: its entries stay, none of its files
 * is read, and nothing is written into it. The same holds for one whose disk gives no file any longer.
 *
 *   survey (before scans and drops), check (before a file is placed) -> look -> judgeFolder
 */
import { join, relative, sep } from 'node:path'
import { AppError, reasonOf } from '../../common/errors.ts'
import { isInside } from '../../common/inside.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import type { GuardedFolderRow } from './catalog-statements.ts'
import { identityOf, type LookAtFolder } from './folder-look.ts'
import type { Folders } from './folders.ts'
import { inspect } from './inspect.ts'
import { type FolderLook, judgeFolder, type KnownFiles } from './judge-loss.ts'
import type { UnreadableFolders } from './unreadable-folders.ts'

/**
 * Folders judged as a whole: roots and the mounts below them; further mounts count as parts of
 * their parents.
 */
const guardedFoldersMax = 64
/** Files that identify a folder: enough to notice that half of them are missing. */
const filesSampled = 64

/** A folder whose entries are kept although their files are missing. */
export interface KeptFolder {
  /** Below the data folder. */
  readonly folder: string
  readonly path: string
  /** As in "shared/ {reason}". */
  readonly reason: string
  /** The number of entries without a file. */
  readonly files: number
}

interface Dependencies {
  readonly folders: Folders
  readonly catalog: Catalog
  readonly look: LookAtFolder
  readonly unreadable: UnreadableFolders
  /** The disk of a folder, below the data folder, gives bytes again. */
  readonly onReadable: (path: string) => void
  readonly log: Log
}

const kinds = ['shared', 'downloaded', 'replicated'] as const

export class FolderGuard {
  readonly #folders: Folders
  readonly #catalog: Catalog
  readonly #look: LookAtFolder
  readonly #unreadable: UnreadableFolders
  readonly #onReadable: Dependencies['onReadable']
  readonly #log: Log
  /** By path below the data folder. */
  readonly #records: Map<string, GuardedFolderRow>
  /** Why folders cannot be used now. */
  readonly #away = new Map<string, string>()
  /** The number of entries without a file that each kind keeps, as of the last scan. */
  readonly #kept = new Map<CopyKind, number>()

  constructor({ folders, catalog, look, unreadable, onReadable, log }: Dependencies) {
    this.#folders = folders
    this.#catalog = catalog
    this.#look = look
    this.#unreadable = unreadable
    this.#onReadable = onReadable
    this.#log = log
    this.#records = new Map(catalog.guardedFolders().map((row) => [row.path, row]))
  }

  /**
   * The first survey: an unavailable folder is an error, unless the catalog has entries in it.
   * @throws AppError DISK_FAILED
   */
  async open(): Promise<void> {
    await this.survey()
    for (const [folder, reason] of this.#away)
      if (this.#countIn(folder) === 0) {
        const path = join(this.#folders.data, folder)
        throw new AppError('DISK_FAILED', {
          action: 'use the folder',
          path,
          reason: `it ${reason}`,
        })
      }
  }

  /** Checks all guarded folders; creates missing roots that had no files. */
  async survey(): Promise<void> {
    const paths = new Set<string>([...kinds, ...this.#records.keys()])
    await Promise.all([...paths].map((path) => this.#judge(path)))
  }

  /** Whether `path` is in, or is, a folder that was unavailable at the last check. */
  isAway(path: string): boolean {
    for (const folder of this.#away.keys())
      if (isInside(join(this.#folders.data, folder), path)) return true
    return false
  }

  /** The folders that were unavailable at the last check; absolute. */
  awayPaths(): string[] {
    return Array.from(this.#away.keys(), (folder) => join(this.#folders.data, folder))
  }

  /** Whether the root of a kind was unavailable at the last check. */
  isKindAway(kind: CopyKind): boolean {
    return this.#away.has(kind)
  }

  /** A file was read, right or wrong: its folder can be. */
  onRead(path: string): void {
    this.#unreadable.onRead(this.#folderOf(path))
  }

  /** The disk did not give a file. @returns whether its folder is now unavailable because of that */
  async onUnreadable(path: string): Promise<boolean> {
    const folder = this.#folderOf(path)
    const isAway = await this.#unreadable.onUnreadable(folder, path, this.#namesIn(folder))
    if (isAway) await this.#judge(folder)
    return this.isAway(path)
  }

  /** Checks that a file can be placed at `path`. @throws AppError FOLDER_UNAVAILABLE */
  async check(path: string): Promise<void> {
    const below = relative(this.#folders.data, path).split(sep)
    for (let depth = 1; depth < below.length; depth++) {
      const folder = below.slice(0, depth).join(sep)
      if (depth > 1 && !this.#records.has(folder)) continue
      const reason = await this.#judge(folder)
      if (reason !== undefined) throw new AppError('FOLDER_UNAVAILABLE', { folder, reason })
    }
  }

  /** Called when a scan reaches a mounted folder below a root. @returns whether to enter it */
  enters(path: string, stats: { dev: bigint; ino: bigint }): boolean {
    if (this.isAway(path)) return false
    const identity = identityOf(stats)
    const folder = relative(this.#folders.data, path)
    const isMount = identity.device !== this.#deviceAbove(folder)
    const isKnown = this.#records.has(folder)
    if (isMount && !isKnown && this.#records.size < guardedFoldersMax)
      this.#save({ path: folder, ...identity, kept_reason: null })
    return true
  }

  /** Why a kind keeps entries without a file, as of the last judgement. */
  keptReason(kind: CopyKind): string | undefined {
    return this.#records.get(kind)?.kept_reason ?? undefined
  }

  /** Records why a kind keeps entries without a file; without a reason, that it no longer does. */
  keep(kind: CopyKind, reason: string | undefined, files: number): void {
    if (reason === undefined) this.#kept.delete(kind)
    else this.#kept.set(kind, files)
    const record = this.#records.get(kind)
    if (record === undefined || record.kept_reason === (reason ?? null)) return
    this.#save({ ...record, kept_reason: reason ?? null })
    if (reason === undefined) this.#log.info({ folder: kind }, 'the files of a folder are back')
    else this.#log.error({ folder: kind, reason, files }, 'entries are kept: files are missing')
  }

  /** The folders that keep entries now. */
  list(): KeptFolder[] {
    const { data } = this.#folders
    const away = Array.from(this.#away, ([folder, reason]) => ({
      folder,
      path: join(data, folder),
      reason,
      files: this.#countIn(folder),
    }))
    const kept = Array.from(this.#kept, ([kind, files]) => ({
      folder: kind,
      path: join(data, kind),
      reason: this.keptReason(kind) ?? '',
      files,
    }))
    return [...away, ...kept.filter(({ folder }) => !this.#away.has(folder))]
  }

  /**
   * Accepts the present state as intended: missing folders are created or forgotten, others are
   * recorded as they are.
   * @returns the kinds whose entries without a file are to be dropped
   * @throws AppError FOLDER_UNAVAILABLE if a folder cannot be read; DISK_FAILED
   */
  async confirm(): Promise<Set<CopyKind>> {
    await this.survey()
    const confirmed = new Set<CopyKind>(kinds.filter((kind) => this.keptReason(kind)))
    for (const folder of this.#away.keys()) {
      const path = join(this.#folders.data, folder)
      const isRoot = !folder.includes(sep)
      let look = await this.#look(path)
      if ('isMissing' in look && look.isMissing && isRoot) {
        await this.#folders.createRoot(path)
        look = await this.#look(path)
      }
      if ('identity' in look) this.#save({ path: folder, ...look.identity, kept_reason: null })
      else if (look.isMissing) this.#forget(folder)
      else throw new AppError('FOLDER_UNAVAILABLE', { folder, reason: look.reason })
      this.#away.delete(folder)
      this.#unreadable.forget(folder)
      confirmed.add(kindOf(folder))
    }
    return confirmed
  }

  /** @returns why the folder is unavailable, if it is */
  async #judge(folder: string): Promise<string | undefined> {
    const path = join(this.#folders.data, folder)
    const look = await this.#look(path)
    const recorded = this.#records.get(folder)
    const isSame = 'identity' in look && isSameFolder(recorded, look.identity)
    const known = isSame ? { sampled: 0, found: 0 } : await this.#sample(folder)
    const verdict = judgeFolder(recorded, look, known)
    if (verdict instanceof Object) return this.#onAway(folder, verdict.reason)
    const failure = verdict === 'accept' ? await this.#accept(folder, look) : undefined
    if (failure !== undefined) return this.#onAway(folder, failure)
    const { reason, isBack } = await this.#unreadable.judge(folder, this.#namesIn(folder))
    if (reason !== undefined) return this.#onAway(folder, reason)
    if (this.#away.delete(folder)) this.#log.info({ folder }, 'a folder is back')
    if (isBack) this.#onReadable(path)
    return undefined
  }

  /** @returns why it is unavailable, if it is */
  async #accept(folder: string, look: FolderLook): Promise<string | undefined> {
    const kept_reason = this.#records.get(folder)?.kept_reason ?? null
    if ('identity' in look) this.#save({ path: folder, ...look.identity, kept_reason })
    else if (folder.includes(sep)) this.#forget(folder)
    else
      try {
        await this.#folders.createRoot(join(this.#folders.data, folder))
      } catch (error) {
        return `cannot be created (${reasonOf(error)})`
      }
    return undefined
  }

  #onAway(folder: string, reason: string): string {
    if (this.#away.get(folder) !== reason)
      this.#log.error({ folder, reason, files: this.#countIn(folder) }, 'a folder cannot be used')
    this.#away.set(folder, reason)
    return reason
  }

  /**
   * How many of a sample of a folder's files exist, regardless of bytes and times: a copy of a
   * folder may have new times, and edited files are still its files.
   */
  async #sample(folder: string): Promise<KnownFiles> {
    const entries = this.#catalog.entriesBelow(this.#namesIn(folder), filesSampled)
    const looks = entries.map(async ({ at }) => {
      const now = await inspect(at, true).catch(() => undefined)
      return now !== undefined
    })
    const found = (await Promise.all(looks)).filter((isFound) => isFound).length
    return { sampled: entries.length, found }
  }

  /** The innermost guarded folder that a path is in. */
  #folderOf(path: string): string {
    const below = relative(this.#folders.data, path).split(sep)
    for (let depth = below.length - 1; depth > 1; depth--) {
      const folder = below.slice(0, depth).join(sep)
      if (this.#records.has(folder)) return folder
    }
    return below[0] ?? ''
  }

  #countIn(folder: string): number {
    if (!folder.includes(sep)) return this.#catalog.totals()[kindOf(folder)].count
    return this.#catalog.entriesBelow(this.#namesIn(folder), limits.catalogRowsPerRead).length
  }

  /** The kind, owner and name prefix of the files in a folder. */
  #namesIn(folder: string): { kind: CopyKind; owner?: string; folder: string } {
    const kind = kindOf(folder)
    const below = folder.split(sep).slice(1)
    const owner = kind === 'replicated' ? below.shift() : undefined
    const name = below.join('/').normalize('NFC')
    return owner === undefined ? { kind, folder: name } : { kind, owner, folder: name }
  }

  #deviceAbove(folder: string): string | undefined {
    const above = folder.split(sep)
    while (above.length > 1) {
      above.pop()
      const record = this.#records.get(above.join(sep))
      if (record !== undefined) return record.device
    }
    return undefined
  }

  #save(record: GuardedFolderRow): void {
    this.#catalog.saveGuardedFolder(record)
    this.#records.set(record.path, record)
  }

  #forget(folder: string): void {
    this.#catalog.removeGuardedFolder(folder)
    this.#records.delete(folder)
  }
}

function kindOf(folder: string): CopyKind {
  const [kind] = folder.split(sep)
  return kinds.find((each) => each === kind) ?? 'shared'
}

function isSameFolder(
  one: { device: string; inode: string } | undefined,
  other: { device: string; inode: string },
): boolean {
  return one?.device === other.device && one.inode === other.inode
}
