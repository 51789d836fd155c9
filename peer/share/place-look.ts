import { lstat } from 'node:fs/promises'
import { posix } from 'node:path'
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import { hashFile } from '../../common/content/hash.ts'
import { hasCode } from '../../common/errors.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { FinishedFile } from '../shelf.ts'
import type { Catalog } from './catalog.ts'
import type { Location } from './folders.ts'
import { inspect } from './inspect.ts'
import { isGone } from './is-gone.ts'
import type { ParentFolder } from './parent-folder.ts'
import type { Held } from './place-plan.ts'
import type { spellingOf } from './spelling.ts'

/** A file in the way, and what it holds. */
export interface Occupant {
  readonly stat: FileStat
  readonly content: Content
  /** Empty when the catalog has it. */
  readonly chunkList: Uint8Array
}

/** What is at a place, or that its file must be read to decide. */
export type PlaceView =
  | { readonly held: Held; readonly file?: Occupant }
  | { readonly read: Location }

/**
 * Tells what is in the way of a file that is being placed. It reads no file in a queue: a file that
 * must be read is read between two calls, by {@link read}. Each placed file uses its own instance.
 */
export class PlaceLook {
  readonly #catalog: Pick<Catalog, 'at' | 'damage'>
  readonly #spellingOf: typeof spellingOf
  /** By path. */
  readonly #read = new Map<string, Occupant>()

  constructor(dependencies: {
    readonly catalog: Pick<Catalog, 'at' | 'damage'>
    readonly spellingOf: typeof spellingOf
  }) {
    this.#catalog = dependencies.catalog
    this.#spellingOf = dependencies.spellingOf
  }

  /**
   * What is at a place for a content; `parent` is the open folder of the place.
   * @throws errors of the disk
   */
  async at(
    at: Location,
    parent: ParentFolder,
    { content, replacesOnly }: Pick<FinishedFile, 'content' | 'replacesOnly'>,
  ): Promise<PlaceView> {
    const base = posix.basename(at.diskName)
    const obstacle = await obstacleAt(parent.entry(base))
    if (obstacle !== 'file') return { held: obstacle }
    const entry = (name: string): string => parent.entry(name)
    if ((await this.#spellingOf(base, { path: entry('.'), entry })) !== base)
      return { held: 'twin' }
    const known = this.#catalog.at(at)
    if (known !== undefined && known.at.name !== at.name) return { held: 'other-name' }
    const stat = await inspect(at, true)
    // A replica in the way is moved aside, so its content must be known.
    const mustBeKnown = at.kind === 'replicated' || replacesOnly !== undefined
    const isOther = stat?.size !== content.size && !mustBeKnown
    if (stat === undefined || isOther) return { held: 'other-content' }
    const isKnown = known !== undefined && isSameStat(known.stat, stat)
    const cataloged = known && { stat, content: known.content, chunkList: new Uint8Array() }
    const file = isKnown ? cataloged : this.#read.get(at.path)
    if (file === undefined || !isSameStat(file.stat, stat)) return { read: at }
    const isSame = file.content.sha256 === content.sha256
    // A damaged replica is a copy of nothing, so it is not kept as a version of its file.
    if (isKnown && this.#catalog.damage.has(known.seq) && (isSame || at.kind === 'replicated'))
      return { held: 'damaged', file }
    return { held: isSame ? 'same-content' : 'other-content', file }
  }

  /**
   * Reads a file for the next call of {@link at}, which sees it if it changes meanwhile.
   * @throws AppError DISK_FAILED
   */
  async read({ root, path }: Location): Promise<void> {
    try {
      this.#read.set(path, await hashFile(path, { root }))
    } catch (error) {
      if (!hasCode(error, 'CONTENT_CHANGED') && !hasCode(error, 'FILE_NOT_FOUND')) throw error
    }
  }
}

async function obstacleAt(path: string): Promise<'nothing' | 'folder' | 'file'> {
  try {
    return (await lstat(path)).isDirectory() ? 'folder' : 'file'
  } catch (error) {
    if (isGone(error)) return 'nothing'
    throw error
  }
}
