import type { Clock } from '../../common/clock.ts'
import type { FileStat } from '../../common/content/file-stat.ts'
import type { InsidePath } from '../../common/inside.ts'
import { ThreadCaller } from '../../common/thread/thread-caller.ts'
import type { WriteFilesOutcome, WriteFilesRequest } from './write-files-thread.ts'

/** A file to write: to its partial path first, then moved to its name if that is free. */
export interface SmallWrite extends InsidePath {
  readonly partialPath: string
  readonly bytes: Uint8Array
}

/** Writes small files without flushing them, many with one call to a thread. */
export class SmallWriter implements AsyncDisposable {
  readonly #thread: ThreadCaller<WriteFilesRequest, readonly WriteFilesOutcome[]>

  constructor(dependencies: { clock: Clock }) {
    const script = new URL('./write-files-thread.ts', import.meta.url)
    this.#thread = new ThreadCaller(script, dependencies)
  }

  /**
   * For each file its stat; or that its name is taken, in which case it stays at its partial path;
   * or the system error, in which case nothing is left of it.
   */
  async write(files: readonly SmallWrite[]): Promise<(FileStat | 'taken' | Error)[]> {
    const size = files.reduce((sum, { bytes }) => sum + bytes.length, 0)
    const joined = new Uint8Array(new ArrayBuffer(size))
    let start = 0
    for (const { bytes } of files) {
      joined.set(bytes, start)
      start += bytes.length
    }
    const described = files.map(({ path, root, partialPath, bytes }) => ({
      path,
      root,
      partialPath,
      size: bytes.length,
    }))
    const { buffer } = joined
    const request = { kind: 'write', files: described, bytes: buffer } as const
    const outcomes = await this.#thread.call(request, [buffer])
    return files.map((_, index) => resultOf(outcomes[index]))
  }

  /** The stats of the regular files at these paths; undefined where there is none. */
  async look(paths: readonly string[]): Promise<(FileStat | undefined)[]> {
    if (paths.length === 0) return []
    const outcomes = await this.#thread.call({ kind: 'look', paths })
    return outcomes.map((outcome) => (outcome && 'stat' in outcome ? outcome.stat : undefined))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}

function resultOf(outcome: WriteFilesOutcome): FileStat | 'taken' | Error {
  if (outcome === undefined) return new Error('nothing is known of it')
  if ('stat' in outcome) return outcome.stat
  if ('isTaken' in outcome) return 'taken'
  const { code, reason } = outcome.failure
  return Object.assign(new Error(reason), { code })
}
