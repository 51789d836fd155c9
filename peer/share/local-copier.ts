import { hasCode } from '../../common/errors.ts'
import type { CopyKey, CopyKind } from '../../common/protocol/messages.ts'
import type { ReplacesOnly } from '../shelf.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Incoming, IncomingFolder, SourceFile } from './incoming.ts'
import { isUntouched } from './inspect.ts'
import type { Placer } from './placer.ts'
import type { Scanner } from './scanner.ts'

interface Dependencies {
  readonly catalog: Pick<Catalog, 'damage' | 'find' | 'get'>
  readonly incoming: Pick<IncomingFolder, 'copy'>
  readonly placer: Pick<Placer, 'adopt'>
  /** Called with the path of a file that differs from its entry; returns immediately. */
  readonly recheck: (path: string) => void
  readonly scanner: Pick<Scanner, 'verify'>
}

/** Copies contents from one place of this peer to another. */
export class LocalCopier {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Copies a content that this peer has under any key to the place of `key`, unless it is there.
   * `replace`: a shared file of that name with other content is replaced.
   * @returns its entry, with another name if that one is taken; undefined if this peer does not
   *   have the content
   * @throws AppError as {@link Placer.adopt}
   */
  async copy(
    sha256: string,
    key: CopyKey,
    {
      replace = false,
      replacesOnly,
    }: { readonly replace?: boolean; readonly replacesOnly?: ReplacesOnly | undefined } = {},
  ): Promise<Entry | undefined> {
    const { catalog, placer, recheck, scanner } = this.#dependencies
    const own = catalog.get(key)
    const isOwn = own?.content.sha256 === sha256 && !catalog.damage.has(own.seq)
    if (isOwn && (await isUntouched(own))) return own
    for (const entry of catalog.find(sha256)) {
      const { at, content } = entry
      await using incoming = (await isUntouched(entry))
        ? await this.#copy({ ...at, size: content.size }, key.kind)
        : undefined
      if (incoming?.content.sha256 !== sha256) {
        recheck(at.path)
        // Its times are as they were: what was read has rotted.
        if (incoming !== undefined) scanner.verify(sha256)
        continue
      }
      // The hashes just computed, not those of the catalog: a chunk root may have come from others.
      const { partialPath, chunkList, content: hashed } = incoming
      const file = { key, partialPath, content: hashed, chunkList, replacesOnly }
      return await placer.adopt({ ...file, replace })
    }
    return undefined
  }

  /** Undefined if the file is gone or cannot be read. @throws AppError DISK_FULL */
  async #copy(source: SourceFile, kind: CopyKind): Promise<Incoming | undefined> {
    try {
      return await this.#dependencies.incoming.copy(source, kind)
    } catch (error) {
      if (hasCode(error, 'DISK_FULL')) throw error
      return undefined
    }
  }
}
