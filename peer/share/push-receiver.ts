import { AppError } from '../../common/errors.ts'
import { parseName } from '../../common/ids.ts'
import { freeBytesIn } from './disk-room.ts'
import type { Entry } from './entry.ts'
import type { Folders } from './folders.ts'
import type { IgnoredFiles } from './ignored-files.ts'
import type { IncomingFolder } from './incoming.ts'
import type { Adoption } from './placer.ts'
import { checkPush, noMoreThan } from './push-check.ts'

export interface PushOptions {
  readonly name: string
  readonly replace: boolean
  readonly signal?: AbortSignal
  /** The expected number of bytes, if known. */
  readonly bytesAnnounced?: number | undefined
  /** When the file was modified; now if unknown. */
  readonly modifiedMs?: number | undefined
}

interface Dependencies {
  readonly folders: Folders
  readonly ignored: Pick<IgnoredFiles, 'patternFor'>
  readonly incoming: Pick<IncomingFolder, 'receive'>
  readonly adopt: (adoption: Adoption) => Promise<Entry>
  readonly setModified: (entry: Entry, modifiedMs: number) => Promise<Entry>
}

/** Takes what users put into shared/ through this peer. */
export class PushReceiver {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  /**
   * Stores a stream of bytes in shared/. A name that was unshared is shared again. Refusals that
   * need no bytes come before the first byte is read.
   * @throws AppError NAME_INVALID, NAME_IGNORED, NAME_EXISTS, NAME_BLOCKED, FOLDER_UNAVAILABLE, TOO_LARGE,
   *   DISK_FULL, DISK_FAILED, STOPPING; the signal's reason; errors of the stream. Nothing is left
   *   behind then.
   */
  async receive(bytes: AsyncIterable<Uint8Array>, options: PushOptions): Promise<Entry> {
    const { incoming, adopt, setModified } = this.#dependencies
    const { replace, bytesAnnounced, signal, modifiedMs } = options
    const name = parseName(options.name)
    const bytesMax = await this.#check({ name, replace, bytesAnnounced })
    const within = bytesMax === undefined ? bytes : noMoreThan(bytesMax, bytes, name)
    const receiving = { ...(signal && { signal }), ...(modifiedMs !== undefined && { modifiedMs }) }
    await using received = await incoming.receive(within, receiving)
    const { partialPath, content, chunkList } = received
    const key = { kind: 'shared', name } as const
    const entry = await adopt({ key, partialPath, content, chunkList, replace })
    return modifiedMs === undefined ? entry : await setModified(entry, modifiedMs)
  }

  /**
   * Checks that a file of this size can be put into shared/ under its name.
   * @throws AppError NAME_IGNORED; errors of {@link checkPush}
   */
  async checkRoomFor(file: { name: string; bytes: number; replace: boolean }): Promise<void> {
    const { name, bytes, replace } = file
    await this.#check({ name, replace, bytesAnnounced: bytes })
  }

  /** @throws AppError NAME_IGNORED */
  checkIgnored(name: string): void {
    const pattern = this.#dependencies.ignored.patternFor(name)
    if (pattern !== undefined) throw new AppError('NAME_IGNORED', { name, pattern })
  }

  async #check({
    name,
    replace,
    bytesAnnounced,
  }: Pick<PushOptions, 'name' | 'replace' | 'bytesAnnounced'>): Promise<number | undefined> {
    this.checkIgnored(name)
    const at = this.#dependencies.folders.place({ kind: 'shared', name })
    const freeBytes = (): Promise<number> => freeBytesIn(at.root)
    return await checkPush({ at, replace, bytesAnnounced }, { freeBytes })
  }
}
