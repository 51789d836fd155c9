import { dirname } from 'node:path'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../../common/content/chunks.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { PartialFile } from './partial-file.ts'

/** A content on its way: what has come of it can be read by others. */
class UnfinishedContent {
  /** Where it is; nobody has catalogued it. */
  readonly file: {
    readonly at: { readonly name: string; readonly path: string; readonly root: string }
    readonly stat: undefined
    readonly content: Content
  }
  /** Woken when it has more chunks, or no more will come. */
  readonly changes = new WakeUp()
  readonly #partial: Pick<PartialFile, 'verified' | 'chunkList'>

  constructor(
    options: { name: string; content: Content },
    partial: Pick<PartialFile, 'path' | 'verified' | 'chunkList'>,
  ) {
    const { name, content } = options
    this.file = {
      at: { name, path: partial.path, root: dirname(partial.path) },
      stat: undefined,
      content,
    }
    this.#partial = partial
  }

  /** Undefined until it came. */
  get chunkList(): Buffer | undefined {
    return this.#partial.chunkList
  }

  /** The chunks that are verified and written. */
  get verified(): ChunkSet {
    return this.#partial.verified
  }
}

/** The contents of several chunks that this peer is fetching, for those who fetch them, too. */
export class UnfinishedContents {
  /** Woken when a fetch begins or ends. */
  readonly changes = new WakeUp()
  readonly #contents = new Map<string, UnfinishedContent>()

  find(sha256: string): UnfinishedContent | undefined {
    return this.#contents.get(sha256)
  }

  /** All of them, the oldest first. */
  get contents(): Content[] {
    return [...this.#contents.values()].map(({ file }) => file.content)
  }

  /**
   * Lets others read what comes until it is disposed: then the whole is in its place, or gone. A
   * second fetch of the same content is read by nobody.
   */
  add(
    { name, content }: { name: string; content: Content },
    partial: Pick<PartialFile, 'path' | 'verified' | 'chunkList'>,
  ): { onChanged(): void } & Disposable {
    const { sha256, size } = content
    const unfinished = new UnfinishedContent({ name, content }, partial)
    const isNew = chunkCountFor(size) > 1 && !this.#contents.has(sha256)
    if (isNew) {
      this.#contents.set(sha256, unfinished)
      this.changes.notify()
    }
    return {
      onChanged: () => unfinished.changes.notify(),
      [Symbol.dispose]: () => {
        if (this.#contents.get(sha256) !== unfinished) return
        this.#contents.delete(sha256)
        unfinished.changes.notify()
        this.changes.notify()
      },
    }
  }
}
