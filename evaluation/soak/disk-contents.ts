import { lstat, readdir } from 'node:fs/promises'
import { join, relative, sep } from 'node:path'
import { hashFile } from '../../common/content/hash.ts'
import { systemErrorCode } from '../../common/errors.ts'

export interface DiskFile {
  /** Relative to the scanned folder, with `/`. */
  readonly name: string
  readonly sha256: string
}

/** Hashes the files on disks; unchanged files are not read again. */
export class DiskContents {
  readonly #known = new Map<string, { readonly stat: string; readonly sha256: string }>()

  /** All regular files below `folder`, including hidden ones; none if the folder does not exist. */
  async below(folder: string): Promise<DiskFile[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
      (error: unknown) => {
        if (isGone(error)) return []
        throw error
      },
    )
    const files: DiskFile[] = []
    for (const entry of entries.filter((one) => one.isFile())) {
      const path = join(entry.parentPath, entry.name)
      const sha256 = await this.#hashOf(path)
      const name = relative(folder, path).split(sep).join('/')
      if (sha256 !== undefined) files.push({ name, sha256 })
    }
    return files
  }

  /** Undefined if the file vanished meanwhile. */
  async #hashOf(path: string): Promise<string | undefined> {
    try {
      const { ino, size, mtimeNs, ctimeNs } = await lstat(path, { bigint: true })
      const stat = [ino, size, mtimeNs, ctimeNs].join(' ')
      const known = this.#known.get(path)
      if (known?.stat === stat) return known.sha256
      const { sha256 } = (await hashFile(path)).content
      this.#known.set(path, { stat, sha256 })
      return sha256
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
  }
}

function isGone(error: unknown): boolean {
  return systemErrorCode(error) === 'ENOENT'
}
