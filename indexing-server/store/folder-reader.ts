import { limits } from '../../common/limits.ts'
import type { Database } from '../../common/sqlite.ts'
import type { ContentReader } from './content-reader.ts'
import { listedDownloads } from './name-reader.ts'
import type { FolderPart } from './store.ts'

/** Sorts after the name itself and before all others that begin with it: names have none. */
const afterName = '\u0001'
/** The character after `/`: sorts after all names in the folder. */
const afterFolder = '0'
/** Greater than any text. */
const afterAllNames = Buffer.alloc(0)

/**
 * The children of folders: a skip scan over the names. It steps from child to child, over all that
 * is inside a subfolder, so its cost does not depend on the number of names below the folder.
 */
export class FolderReader {
  readonly #sql: ReturnType<typeof prepare>
  readonly #contents: Pick<ContentReader, 'contentsOfEach'>

  constructor(database: Database, contents: Pick<ContentReader, 'contentsOfEach'>) {
    this.#sql = prepare(database)
    this.#contents = contents
  }

  list(folder: string, after: string, max: { children: number; steps: number }): FolderPart {
    const { found, next } = this.#find(folder, after, max)
    const files = found.filter((child) => !child.endsWith('/'))
    const names = files.map((child) => inFolder(folder, child))
    const contents = this.#contents.contentsOfEach(names, limits.contentsPerNameMax)
    const contentsOf = new Map(files.map((child, index) => [child, contents[index] ?? []]))
    const children = found.map((name) => {
      const contents = contentsOf.get(name)
      return contents === undefined ? { name } : { name, contents }
    })
    return { children: children.filter((child) => child.contents?.length !== 0), next }
  }

  #find(
    folder: string,
    after: string,
    max: { children: number; steps: number },
  ): { found: string[]; next: string | undefined } {
    const prefix = inFolder(folder, '')
    const end = folder === '' ? afterAllNames : `${folder}${afterFolder}`
    const found: string[] = []
    let last = after
    for (let step = 0; step < max.steps && found.length < max.children; step++) {
      const name = this.#sql.first.get({ from: prefix + startAfter(last), end }) as
        | string
        | undefined
      if (name === undefined) return { found, next: undefined }
      const slash = name.indexOf('/', prefix.length)
      const isListed = this.#sql.isListed.get({ name }) !== undefined
      if (isListed) found.push(name.slice(prefix.length, slash === -1 ? undefined : slash + 1))
      // A hidden name says nothing about the rest of its folder.
      last = isListed ? (found.at(-1) ?? '') : `${name.slice(prefix.length)}${afterName}`
    }
    return { found, next: last }
  }
}

function inFolder(folder: string, child: string): string {
  return folder === '' ? child : `${folder}/${child}`
}

/** The first possible name after a child; a folder ends with `/`. */
function startAfter(child: string): string {
  if (child === '' || child.endsWith(afterName)) return child
  return child.endsWith('/') ? `${child.slice(0, -1)}${afterFolder}` : `${child}${afterName}`
}

function prepare(database: Database) {
  const within = 'name >= +@from and name < +@end order by name limit 1'
  return {
    // Names that are not listed are skipped step by step, so that many of them do not make one step
    // long.
    first: database.prepare(`select name from files where ${within}`).pluck(),
    isListed: database.prepare(`
      select 1 where exists (select 1 from files where name = +@name and content_id is not null)
        or exists (select 1 from ${listedDownloads} and files.name = +@name)`),
  }
}
