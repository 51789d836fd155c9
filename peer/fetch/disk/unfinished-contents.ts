import { dirname } from 'node:path'
import type { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../../common/content/chunks.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { PartialFile } from './partial-file.ts'

type ReadablePartial = Pick<PartialFile, 'path' | 'verified' | 'chunkList' | 'changes'>

/** A content that is being fetched, whose verified chunks others can read. */
class UnfinishedContent {
  /** Where it is; it is in no catalog. */
  readonly file: {
    readonly at: { readonly name: string; readonly path: string; readonly root: string }
    readonly stat: undefined
    readonly content: Content
  }
  /** Woken when it has more chunks, or no more will arrive. */
  readonly changes: WakeUp
  readonly #partial: ReadablePartial

  constructor(options: { name: string; content: Content }, partial: ReadablePartial) {
    const { name, content } = options
    this.file = {
      at: { name, path: partial.path, root: dirname(partial.path) },
      stat: undefined,
      content,
    }
    this.changes = partial.changes
    this.#partial = partial
  }

  /** Undefined until it is known. */
  get chunkList(): Buffer | undefined {
    return this.#partial.chunkList
  }

  /** The chunks that are verified and written. */
  get verified(): ChunkSet {
    return this.#partial.verified
  }
}

/** The contents of several chunks that this peer is fetching, for other peers that fetch them, too. */
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
   * Lets others read a content until it is disposed: then the whole is in its place, or gone. A second
   * fetch of the same content is not offered.
   */
  add({ name, content }: { name: string; content: Content }, partial: ReadablePartial): Disposable {
    const { sha256, size } = content
    const unfinished = new UnfinishedContent({ name, content }, partial)
    const isNew = chunkCountFor(size) > 1 && !this.#contents.has(sha256)
    if (isNew) {
      this.#contents.set(sha256, unfinished)
      this.changes.notify()
    }
    return {
      [Symbol.dispose]: () => {
        if (this.#contents.get(sha256) !== unfinished) return
        this.#contents.delete(sha256)
        unfinished.changes.notify()
        this.changes.notify()
      },
    }
  }
}
