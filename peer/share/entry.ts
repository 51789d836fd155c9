import type { FileStat } from '../../common/content/file-stat.ts'
import type { Content } from '../../common/protocol/messages.ts'
import type { Location } from './folders.ts'

/** A file on disk, and its content when it was read. */
export interface CatalogFile {
  readonly at: Location
  readonly stat: FileStat
  readonly content: Content
}

/** A file of the catalog. */
export interface Entry extends CatalogFile {
  /** The number of its last change. */
  readonly seq: number
}
