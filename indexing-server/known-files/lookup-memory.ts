import type { Random } from '../../common/random.ts'
import type { PeerOf } from '../rank.ts'
import { ReplyCache } from '../reply-cache.ts'
import type { IndexStore, Touched } from '../store/store.ts'
import { KnownFiles } from './known-files.ts'
import { SourceTexts } from './source-texts.ts'

/** Memory of all kept replies. */
const replyBytesMax = 24 * 1024 * 1024

/** What is kept in memory for lookups. Writes and changes of peers invalidate it. */
export class LookupMemory {
  /** Finished replies. */
  readonly replies = new ReplyCache<'lookup'>({ bytesMax: replyBytesMax })
  readonly sources: SourceTexts
  readonly files: KnownFiles
  /** Lookups that were answered from `files`. */
  #answered = 0
  /** Files that were read from the store for one. */
  #loaded = 0

  constructor(
    options: { readonly filesBytesMax: number },
    { peerOf, random }: { readonly peerOf: PeerOf; readonly random: Random },
  ) {
    this.sources = new SourceTexts(peerOf)
    const { sources } = this
    this.files = new KnownFiles({ bytesMax: options.filesBytesMax }, { sources, random })
  }

  get hits(): number {
    return this.replies.hits + this.#answered - this.#loaded
  }

  get misses(): number {
    return this.replies.misses + this.#loaded
  }

  onAnswered(count: number): void {
    this.#answered += count
  }

  /** Reads a file that is not known. @returns whether it is known now */
  load(name: string, store: Pick<IndexStore, 'soleContent'>): boolean {
    const { files } = this
    const content = store.soleContent(name)
    const isLoaded = content !== undefined && files.put(name, content, files.version)
    if (isLoaded) this.#loaded += 1
    return isLoaded
  }

  /** A write touched these. */
  forget(touched: Pick<Touched, 'names' | 'contentIds'>): void {
    this.replies.forget(touched)
    this.files.forget(touched)
  }

  /** A peer has changed, or a copy came into doubt or out of it. */
  forgetAll(): void {
    this.replies.forgetAll()
    this.sources.forgetAll()
  }
}
