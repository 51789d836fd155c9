import { open } from 'node:fs/promises'

interface Round {
  readonly done: Promise<void>
  hasBegun: boolean
}

/**
 * Makes new entries of folders durable. Files that are moved into one folder at the same time share
 * an fsync, because thousands of small files would otherwise need thousands.
 */
export class FolderSync {
  /** The last unfinished round of each folder. */
  readonly #rounds = new Map<string, Round>()
  readonly #flush: (folder: string) => Promise<void>

  constructor(flush: (folder: string) => Promise<void> = flushFolder) {
    this.#flush = flush
  }

  /** Resolves when everything that was in the folder when this was called is on disk. */
  async sync(folder: string): Promise<void> {
    const last = this.#rounds.get(folder)
    if (last !== undefined && !last.hasBegun) return await last.done
    await this.#start(folder, last?.done).done
  }

  #start(folder: string, previous: Promise<void> | undefined): Round {
    const { promise: done, resolve, reject } = Promise.withResolvers<void>()
    const round: Round = { done, hasBegun: false }
    this.#rounds.set(folder, round)
    const run = async (): Promise<void> => {
      await previous?.catch(() => {})
      round.hasBegun = true
      await this.#flush(folder)
    }
    run()
      .finally(() => {
        if (this.#rounds.get(folder) === round) this.#rounds.delete(folder)
      })
      .then(resolve, reject)
    return round
  }
}

/** Makes new entries of one folder durable. */
export async function flushFolder(folder: string): Promise<void> {
  // Windows cannot open folders; NTFS journals their entries.
  if (process.platform === 'win32') return
  await using handle = await open(folder)
  await handle.sync()
}
