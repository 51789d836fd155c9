import type { Clock } from '../../common/clock.ts'
import { limits } from '../../common/limits.ts'
import type { CopyKind } from '../../common/protocol/messages.ts'
import type { Catalog } from './catalog.ts'
import type { CopyReader } from './copy-reader.ts'
import type { Entry } from './entry.ts'
import { judgeReads, mayBeUnreadable } from './judge-loss.ts'

/** Files of a folder that are read to judge it: a failing disk takes seconds for each. */
const filesRead = 8
/** A folder that could not be read is not tried again for so long. */
const retryMs = 10_000

/** The names of the files in a folder. */
type Names = { readonly kind: CopyKind; readonly owner?: string; readonly folder: string }

interface Dependencies {
  readonly catalog: Pick<Catalog, 'entriesBelow'>
  readonly reader: Pick<CopyReader, 'isReadable'>
  readonly clock: Clock
}

/** Knows which guarded folders are on a disk that no longer gives any bytes. */
export class UnreadableFolders {
  readonly #dependencies: Dependencies
  /** The files of each folder that could not be read, since one could. */
  readonly #inARow = new Map<string, Set<string>>()
  /** Why folders cannot be read, and when that was last tried (monotonic). */
  readonly #unreadable = new Map<string, { readonly reason: string; readonly triedMs: number }>()

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /** A file of the folder was read, right or wrong. */
  onRead(folder: string): void {
    this.#inARow.delete(folder)
  }

  /**
   * A file of the folder could not be read.
   * @returns whether the folder cannot be read
   */
  async onUnreadable(folder: string, path: string, names: Names): Promise<boolean> {
    const paths = this.#inARow.get(folder) ?? new Set()
    this.#inARow.set(folder, paths.add(path))
    if (!mayBeUnreadable(paths.size)) return false
    this.#inARow.delete(folder)
    return (await this.#try(folder, names)) !== undefined
  }

  /**
   * @returns why the folder cannot be read, if it could not be before and still cannot, and whether
   *   it just became readable
   */
  async judge(
    folder: string,
    names: Names,
  ): Promise<{ readonly reason?: string | undefined; readonly isBack: boolean }> {
    const known = this.#unreadable.get(folder)
    if (known === undefined) return { isBack: false }
    if (this.#dependencies.clock.monotonicMs() - known.triedMs < retryMs)
      return { reason: known.reason, isBack: false }
    const reason = await this.#try(folder, names)
    return { reason, isBack: reason === undefined }
  }

  /** The folder is accepted as it is. */
  forget(folder: string): void {
    this.#unreadable.delete(folder)
    this.#inARow.delete(folder)
  }

  /** Reads a sample. @returns why the folder cannot be read, if so */
  async #try(folder: string, names: Names): Promise<string | undefined> {
    const { catalog, clock } = this.#dependencies
    const entries = catalog.entriesBelow(names, limits.catalogRowsPerRead)
    const step = Math.max(1, Math.floor(entries.length / filesRead))
    const sample = entries.filter((_, place) => place % step === 0).slice(0, filesRead)
    const readable = await this.#readable(sample)
    const reason = judgeReads({ sampled: sample.length, readable })
    if (reason === undefined) this.#unreadable.delete(folder)
    else this.#unreadable.set(folder, { reason, triedMs: clock.monotonicMs() })
    return reason
  }

  /** 1 as soon as one can be read: the others do not matter then. */
  async #readable(sample: readonly Entry[]): Promise<number> {
    // The hash does not matter: what counts is whether the disk gives bytes.
    const chunkList = new Uint8Array(32)
    for (const entry of sample)
      if (
        entry.content.size > 0 &&
        (await this.#dependencies.reader.isReadable({ ...entry, chunkList }))
      )
        return 1
    return 0
  }
}
