import { dirname, posix } from 'node:path'
import { AppError, reasonOf } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import type { Catalog } from './catalog.ts'
import type { CatalogFile, Entry } from './entry.ts'
import type { Location } from './folders.ts'
import { isUntouched } from './inspect.ts'
import type { Placer } from './placer.ts'
import { removeEmptyFolders } from './remove-file.ts'

interface Dependencies {
  readonly catalog: Pick<
    Catalog,
    'chunkList' | 'damage' | 'drop' | 'get' | 'group' | 'groupEach' | 'put'
  >
  readonly placer: Pick<Placer, 'place' | 'placeUnopposed'>
  readonly log: Log
}

/** A replica that may be moved. */
interface Movable {
  /** Of its request. */
  readonly position: number
  readonly copy: Relabelling
  readonly key: CopyKey
  readonly target: CopyKey
  readonly entry: Entry
  readonly chunkList: Uint8Array
}

type Moved = Movable & { readonly placed: Pick<CatalogFile, 'at' | 'stat'> }

/**
 * Moves replicas to the names of other files with the same content. Nothing is flushed: if a power
 * cut undoes a move, the next scan finds the file where it was. A file that was moved but not recorded
 * is found under its new name, and read.
 */
export class ReplicaRelabeler {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Those whose new name is unused are moved folder by folder, and recorded together; then the
   * others, one by one.
   * @returns whether each was moved, in the same order
   */
  async relabel(copies: readonly Relabelling[]): Promise<boolean[]> {
    const movable = copies.flatMap((copy, position) => this.#movable(copy, position) ?? [])
    const { moved, opposed } = await this.#moveUnopposed(movable)
    const relabelled = await this.#finish(moved)
    for (const one of opposed) relabelled.push(...(await this.#relabelOne(one)))
    const positions = new Set(relabelled.map(({ position }) => position))
    return copies.map((_, position) => positions.has(position))
  }

  /** Undefined if the catalog has no such replica. */
  #movable(copy: Relabelling, position: number): Movable | undefined {
    const { catalog } = this.#dependencies
    const { from, to, sha256, version } = copy
    if (version !== undefined && version !== sha256) return undefined
    try {
      const key = { ...replicaKey(from), ...(version !== undefined && { version }) }
      const target = replicaKey(to)
      const entry = catalog.get(key)
      if (entry?.content.sha256 !== sha256 || catalog.damage.has(entry.seq)) return undefined
      if (version === undefined && target.owner === key.owner && target.name === key.name)
        return undefined
      const chunkList = catalog.chunkList(sha256)
      if (chunkList === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
      return { position, copy, key, target, entry, chunkList }
    } catch (error) {
      this.#onFailure(copy, error)
      return undefined
    }
  }

  /** Moves those that nothing is in the way of; `opposed` are where they were. */
  async #moveUnopposed(
    movable: readonly Movable[],
  ): Promise<{ moved: Moved[]; opposed: Movable[] }> {
    const { catalog, placer } = this.#dependencies
    const moved: Moved[] = []
    const opposed: Movable[] = []
    // A replica keeps its path, which need not be that of its name.
    const [known, unknown] = partition(movable, ({ target }) => catalog.get(target) !== undefined)
    opposed.push(...known)
    for (const group of Map.groupBy(unknown, folderOf).values()) {
      const places = await placer.placeUnopposed(group.map(placingOf)).catch(() => [])
      for (const [index, one] of group.entries()) {
        const placed = places[index]
        if (placed === undefined) opposed.push(one)
        else moved.push({ ...one, placed })
      }
    }
    return { moved, opposed }
  }

  /**
   * Removes the folders that files have left before it records the moves: as long as a scan finds
   * entries without files, it does the same.
   */
  async #finish(moved: readonly Moved[]): Promise<Movable[]> {
    const left = new Map<string, Location>(moved.map(({ entry: { at } }) => [dirname(at.path), at]))
    for (const place of left.values()) await removeEmptyFolders(place)
    return this.#record(moved)
  }

  /** @returns those that the catalog could record; the next scan finds the others */
  #record(moved: readonly Moved[]): Movable[] {
    const { catalog } = this.#dependencies
    try {
      // In one step, so that the index never sees this peer without a content.
      const recorded = catalog.groupEach(moved, ({ placed, key, entry, chunkList }) => {
        catalog.put({ ...placed, content: entry.content }, chunkList)
        if (catalog.get(key)?.seq === entry.seq) catalog.drop(key)
      })
      return moved.filter(({ copy }, index) => {
        const outcome = recorded[index]
        if (outcome instanceof AppError) this.#onFailure(copy, outcome)
        return !(outcome instanceof AppError)
      })
    } catch (error) {
      for (const { copy } of moved) this.#onFailure(copy, error)
      return []
    }
  }

  async #relabelOne(one: Movable): Promise<Movable[]> {
    try {
      if (!(await isUntouched(one.entry))) return []
      const placed = await this.#dependencies.placer.place(placingOf(one))
      return await this.#finish([{ ...one, placed }])
    } catch (error) {
      this.#onFailure(one.copy, error)
      return []
    }
  }

  #onFailure({ from, to }: Relabelling, error: unknown): void {
    this.#dependencies.log.warn({ from, to, reason: reasonOf(error) }, 'replica was not moved')
  }
}

function replicaKey({ owner, name }: Relabelling['from']): CopyKey {
  return { kind: 'replicated', owner: parsePeerId(owner), name: parseName(name) }
}

function folderOf({ target: { owner = '', name } }: Movable): string {
  return `${owner}/${posix.dirname(name)}`
}

function placingOf({ target, entry }: Movable): Parameters<Placer['place']>[0] {
  const { content, stat: partialStat } = entry
  return { key: target, content, partialPath: entry.at.path, partialStat }
}

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  const first = all.filter(isFirst)
  const isIn = new Set(first)
  return [first, all.filter((one) => !isIn.has(one))]
}
