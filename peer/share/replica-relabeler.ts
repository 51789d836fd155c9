import { dirname } from 'node:path'
import { AppError, reasonOf } from '../../common/errors.ts'
import { parseName, parsePeerId } from '../../common/ids.ts'
import { inParallel } from '../../common/in-parallel.ts'
import type { Log } from '../../common/log.ts'
import type { CopyKey } from '../../common/protocol/messages.ts'
import type { Relabelling } from '../../common/protocol/trash-messages.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Location } from './folders.ts'
import { isUntouched } from './inspect.ts'
import type { Placer } from './placer.ts'
import { removeEmptyFolders } from './remove-file.ts'

/** Files moved at the same time: as many as the file system's threads handle. */
const movedAtOnce = 4

interface Dependencies {
  readonly catalog: Pick<Catalog, 'chunkList' | 'damage' | 'drop' | 'get' | 'group' | 'put'>
  readonly placer: Pick<Placer, 'place'>
  readonly log: Log
}

/**
 * Moves replicas to the names of other files with the same content. Nothing is flushed: if a power
 * cut undoes a move, the next scan finds the file where it was.
 */
export class ReplicaRelabeler {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** @returns whether each was moved, in the same order */
  async relabel(copies: readonly Relabelling[]): Promise<boolean[]> {
    const moved = copies.map(() => false)
    /** A place in each folder that files have left. */
    const left = new Map<string, Location>()
    await inParallel(copies.entries(), movedAtOnce, async ([position, copy]) => {
      try {
        const place = await this.#relabel(copy)
        if (place === undefined) return
        moved[position] = true
        left.set(dirname(place.path), place)
      } catch (error) {
        const { from, to } = copy
        this.#dependencies.log.warn({ from, to, reason: reasonOf(error) }, 'replica was not moved')
      }
    })
    for (const place of left.values()) await removeEmptyFolders(place)
    return moved
  }

  /**
   * @returns the place that the file has left; undefined if it is not there
   * @throws AppError NAME_INVALID, PEER_ID_INVALID, and those of {@link Placer.adopt}
   */
  async #relabel({ from, to, sha256, version }: Relabelling): Promise<Location | undefined> {
    const { catalog, placer } = this.#dependencies
    if (version !== undefined && version !== sha256) return undefined
    const key = { ...replicaKey(from), ...(version !== undefined && { version }) }
    const target = replicaKey(to)
    const entry = catalog.get(key)
    if (entry?.content.sha256 !== sha256 || catalog.damage.has(entry.seq)) return undefined
    if (!(await isUntouched(entry))) return undefined
    if (version === undefined && target.owner === key.owner && target.name === key.name)
      return undefined
    const { content, stat: partialStat } = entry
    const chunkList = catalog.chunkList(sha256)
    if (chunkList === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
    const partialPath = entry.at.path
    const { at, stat } = await placer.place({ key: target, content, partialPath, partialStat })
    // In one step, so that the index never sees this peer without the content.
    catalog.group(() => {
      catalog.put({ at, stat, content }, chunkList)
      if (isSame(catalog.get(key), entry)) catalog.drop(key)
    })
    return entry.at
  }
}

function replicaKey({ owner, name }: Relabelling['from']): CopyKey {
  return { kind: 'replicated', owner: parsePeerId(owner), name: parseName(name) }
}

function isSame(entry: Entry | undefined, other: Entry): boolean {
  return entry?.seq === other.seq
}
