import { readFile } from 'node:fs/promises'
import { sha256 } from '../../../common/content/hash.ts'
import { AppError } from '../../../common/errors.ts'
import type { CopyKey } from '../../../common/protocol/messages.ts'
import type { FinishedFile, KeyedContent, Shelf, ShelvedFile, SmallFile } from '../../shelf.ts'

/** A shelf in memory, which keeps the files of downloads under their names. */
export class MemoryShelf implements Shelf {
  readonly files = new Map<string, Uint8Array>()
  /** Contents that it has elsewhere, by hash. */
  readonly elsewhere = new Map<string, Uint8Array>()
  /** Names that no file can be placed under. */
  readonly blocked = new Set<string>()
  isDiskFull = false

  async areThere(files: readonly KeyedContent[]): Promise<boolean[]> {
    return await Promise.all(files.map((file) => this.#isThere(file)))
  }

  async readSmall(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]> {
    return sha256s.map((one) => {
      const bytes = this.elsewhere.get(one)
      return bytes && new Uint8Array(bytes)
    })
  }

  async copyLocal(hash: string, key: CopyKey): Promise<ShelvedFile | undefined> {
    const own = this.files.get(key.name)
    const bytes = own !== undefined && (await hashOf(own)) === hash ? own : this.elsewhere.get(hash)
    return bytes && this.#put(key, bytes)
  }

  async adopt({ key, content, partialPath }: FinishedFile): Promise<ShelvedFile> {
    const bytes = await readFile(partialPath)
    if (this.files.has(key.name) && !(await this.#isThere({ key, content })))
      throw new AppError('FILE_EXISTS', { path: key.name })
    return this.#put(key, bytes)
  }

  async adoptGroup(files: readonly SmallFile[]): Promise<(ShelvedFile | AppError)[]> {
    return await Promise.all(
      files.map(async ({ key, content, bytes }) => {
        const { name } = key
        if (this.isDiskFull) return new AppError('DISK_FULL', { path: '/', neededBytes: 1 })
        if (name.startsWith('../')) return new AppError('NAME_INVALID', { name, reason: 'x' })
        if (this.blocked.has(name)) return new AppError('NAME_BLOCKED', { name, reason: 'x' })
        if (this.files.has(name) && !(await this.#isThere({ key, content })))
          return new AppError('FILE_EXISTS', { path: name })
        return this.#put(key, bytes)
      }),
    )
  }

  #put({ name }: CopyKey, bytes: Uint8Array): ShelvedFile {
    this.files.set(name, bytes)
    return { at: { path: `/downloaded/${name}` }, content: { size: bytes.length } }
  }

  async #isThere({ key, content }: KeyedContent): Promise<boolean> {
    const bytes = this.files.get(key.name)
    return bytes !== undefined && (await hashOf(bytes)) === content.sha256
  }
}

async function hashOf(bytes: Uint8Array): Promise<string> {
  return (await sha256(bytes)).toString('hex')
}
