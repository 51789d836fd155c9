/** The files of the built web page, in memory with their precompressed forms: about 200 kB. */
import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { systemErrorCode } from '../../common/errors.ts'

export type Encoding = 'br' | 'gzip' | 'identity'

export interface PageFile {
  readonly contentType: string
  /** A strong validator of the identity form, without quotes. */
  readonly hash: string
  readonly bodies: Readonly<Partial<Record<Encoding, Buffer>>> & { readonly identity: Buffer }
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Reads the build when it is first asked for, and again after it was replaced. */
export class PageFiles {
  readonly #folder: string
  #builtMs = 0
  #files: Promise<ReadonlyMap<string, PageFile>> | undefined

  constructor(folder: string) {
    this.#folder = folder
  }

  /**
   * @param path relative to the build, such as `index.html`
   * @returns undefined if the build has no such file, or there is no build
   */
  async get(path: string): Promise<PageFile | undefined> {
    const builtMs = await modifiedMs(join(this.#folder, 'index.html'))
    if (builtMs === undefined) return undefined
    if (builtMs !== this.#builtMs) {
      this.#builtMs = builtMs
      this.#files = readAll(this.#folder)
    }
    try {
      return (await this.#files)?.get(path)
    } catch (error) {
      this.#builtMs = 0
      if (systemErrorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }
}

async function modifiedMs(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function readAll(folder: string): Promise<ReadonlyMap<string, PageFile>> {
  const files = new Map<string, PageFile>()
  const paths = await readdir(folder, { recursive: true, withFileTypes: true })
  const present = new Set(paths.filter((entry) => entry.isFile()).map(pathIn(folder)))
  for (const path of present) {
    const contentType = contentTypes[extname(path)]
    if (contentType === undefined) continue
    const read = async (suffix: string): Promise<Buffer | undefined> =>
      present.has(path + suffix) ? await readFile(join(folder, path + suffix)) : undefined
    const [br, gzip, identity] = [await read('.br'), await read('.gz'), await read('')]
    if (identity === undefined) continue
    const hash = createHash('sha256').update(identity).digest('base64url')
    files.set(path, {
      contentType,
      hash,
      bodies: { identity, ...(br && { br }), ...(gzip && { gzip }) },
    })
  }
  return files
}

function pathIn(folder: string): (entry: { parentPath: string; name: string }) => string {
  return ({ parentPath, name }) =>
    join(parentPath, name)
      .slice(folder.length + 1)
      .replaceAll('\\', '/')
}
