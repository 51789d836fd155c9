/** Records in the catalog what was done to files of shared/, as the scans would find it later. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Clock } from '../../common/clock.ts'
import { chunkCountFor } from '../../common/content/chunks.ts'
import type { FileStat } from '../../common/content/file-stat.ts'
import { limits } from '../../common/limits.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Folders, Location } from './folders.ts'
import { GoneNames } from './gone-names.ts'

interface Dependencies {
  readonly catalog: Catalog
  readonly folders: Folders
  readonly clock: Clock
  /** The pattern that ignores a name, if there is one. */
  readonly ignoredBy: (name: string) => string | undefined
  /** Requests a comparison of a path. */
  readonly look: (path: string) => void
}

/** Entries that are recorded in one transaction: a few milliseconds. */
const entriesPerTurn = 50

export class TreeChanges {
  readonly gone: GoneNames
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
    this.gone = new GoneNames(() => dependencies.catalog.seenSeq)
  }

  /** These files were deleted. */
  deleted(names: readonly string[]): void {
    const { catalog, clock } = this.#dependencies
    const atMs = clock.nowMs()
    catalog.group(() => {
      for (const name of names) catalog.remove(name, { reason: 'deleted' }, atMs)
    })
  }

  /** A file with this stat was moved; `before` is its entry, if that was up to date. */
  fileMoved(
    from: { readonly name: string; readonly before: Entry | undefined },
    to: Location,
    stat: FileStat,
  ): void {
    const { catalog, look } = this.#dependencies
    if (from.before === undefined) {
      this.deleted([from.name])
      look(to.path)
      return
    }
    const { before } = from
    catalog.group(() => this.#moved(before, to, stat))
  }

  /**
   * Names that a move would give to shared files, and that users unshared before: the index has to be told
   * first that they are shared again.
   */
  async unsharedTargets({ from, to }: { from: string; to: string }): Promise<string[]> {
    const { catalog } = this.#dependencies
    const found = catalog.isUnshared(to) ? [to] : []
    let after = ''
    for (;;) {
      const of = { kind: 'shared', folder: from } as const
      const entries = catalog.entriesBelow(of, limits.catalogRowsPerRead, after)
      for (const { at } of entries) {
        const name = to + at.name.slice(from.length)
        if (catalog.isUnshared(name)) found.push(name)
        after = at.name
      }
      if (entries.length < limits.catalogRowsPerRead) return found
      await nextTurn()
    }
  }

  /** A folder was moved with everything in it. */
  async folderMoved(from: Location, to: Location): Promise<void> {
    const { catalog, folders } = this.#dependencies
    const root = { kind: 'shared', path: to.root } as const
    for (;;) {
      const of = { kind: 'shared', folder: from.name } as const
      const entries = catalog.entriesBelow(of, entriesPerTurn)
      if (entries.length === 0) return
      catalog.group(() => {
        for (const entry of entries) {
          const diskName = to.diskName + entry.at.diskName.slice(from.diskName.length)
          const name = to.name + entry.at.name.slice(from.name.length)
          this.#moved(entry, folders.at(root, diskName, name), entry.stat)
        }
      })
      await nextTurn()
    }
  }

  #moved(before: Entry, to: Location, stat: FileStat): void {
    const { catalog, clock, ignoredBy, look } = this.#dependencies
    const { at, content, seq } = before
    const damage = catalog.damage.of(seq, content.size)
    const chunkList = catalog.chunkList(content.sha256) ?? onlyChunk(content)
    if (ignoredBy(to.name) !== undefined || chunkList === undefined) {
      catalog.remove(at.name, { reason: 'deleted' }, clock.nowMs())
      return look(to.path)
    }
    const moved = catalog.put({ at: to, stat, content }, chunkList)
    // What is damaged stays marked under its new name: the bytes on disk are not new content.
    if (damage !== undefined) catalog.markDamaged(moved, stat, damage)
    catalog.remove(at.name, { reason: 'renamed', renamedTo: to.name }, clock.nowMs())
  }
}

/** The chunk list of a content of one chunk; undefined for larger ones. */
function onlyChunk({ sha256, size }: Entry['content']): Buffer | undefined {
  return chunkCountFor(size) === 1 ? Buffer.from(sha256, 'hex') : undefined
}
