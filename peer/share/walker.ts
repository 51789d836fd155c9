import type { Clock } from '../../common/clock.ts'
import type { FileStat } from '../../common/content/file-stat.ts'
import { ThreadCaller } from '../../common/thread/thread-caller.ts'
import type { HashOutcome, WalkPage, WalkReply, WalkRequest } from './walk-thread.ts'

/** The hash and stat of a small file, or the system's error. */
export type SmallHash = { readonly sha256: string; readonly stat: FileStat } | Error

/** Finds the files of folders, and hashes small ones, in a thread that ends when idle. */
export class Walker implements AsyncDisposable {
  readonly #thread: ThreadCaller<WalkRequest, WalkReply>
  #lastId = 0

  constructor(dependencies: { clock: Clock }) {
    this.#thread = new ThreadCaller(new URL('./walk-thread.ts', import.meta.url), dependencies)
  }

  /**
   * The files of a folder, page by page. A missing folder has none; links are reported and not
   * followed.
   * @throws Error how the thread ended
   */
  async *walk(request: {
    readonly root: string
    readonly folder: string
    readonly skipped: readonly string[]
    /** See {@link WalkRequest}. */
    readonly ignored?: string
  }): AsyncGenerator<WalkPage> {
    const id = ++this.#lastId
    // Reading the files of a page may take longer than the idle time of the thread.
    using _ = this.#thread.hold()
    await this.#thread.call({ kind: 'begin', id, ...request })
    try {
      for (;;) {
        const page = (await this.#thread.call({ kind: 'next', id })) as WalkPage | undefined
        // The thread that started the walk has ended.
        if (page === undefined) throw new Error('the walk ended early')
        yield page
        if (page.isDone) return
      }
    } finally {
      await this.#thread.call({ kind: 'end', id })
    }
  }

  /** Hashes files of at most `limits.smallHashBytesMax` bytes. */
  async hash(root: string, paths: readonly string[]): Promise<SmallHash[]> {
    if (paths.length === 0) return []
    const outcomes = (await this.#thread.call({ kind: 'hash', root, paths })) as HashOutcome[]
    return outcomes.map((outcome) =>
      'sha256' in outcome
        ? outcome
        : Object.assign(new Error(outcome.reason), { code: outcome.code }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]()
  }
}
