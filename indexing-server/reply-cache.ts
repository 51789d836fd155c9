import { LRUCache } from 'lru-cache'
import type { EncodedReply } from '../common/protocol/encoded-reply.ts'
import type { MessageType } from '../common/protocol/messages.ts'
import type { Touched } from './store/store.ts'

/** Memory of an entry besides its bytes: objects, and the list of names by content. */
const entryOverheadBytes = 600
/** Names whose first request is remembered, twice. */
const askedOnceMax = 16_384

export interface MadeReply<T extends MessageType> {
  readonly reply: EncodedReply<T>
  /** The contents in the reply. */
  readonly contentIds: readonly number[]
}

/**
 * Finished replies by name, evicting the least recently used. A reply is kept from its second request
 * on: most names of a large index are requested once, and would only displace others. It is
 * invalidated when its name or one of its contents is touched; a peer's change of state invalidates
 * all.
 */
export class ReplyCache<T extends MessageType> {
  readonly #entries: LRUCache<string, MadeReply<T>>
  readonly #namesOfContent = new Map<number, Set<string>>()
  /** Names that were requested lately: two generations, each forgotten as a whole. */
  #asked = new Set<string>()
  #askedBefore = new Set<string>()
  /** Counts invalidations, so that a reply started before one is not stored. */
  #version = 0
  hits = 0
  misses = 0

  constructor(options: { bytesMax: number }) {
    this.#entries = new LRUCache<string, MadeReply<T>>({
      maxSize: options.bytesMax,
      sizeCalculation: ({ reply, contentIds }, name) =>
        entryOverheadBytes + reply.json.length + 200 * contentIds.length + 2 * name.length,
      dispose: (made, name) => this.#unlink(made, name),
    })
  }

  /**
   * The reply for `name`, created by `make` if it is not cached; without a promise if that returns
   * none. Errors are not cached.
   */
  get(
    name: string,
    make: () => MadeReply<T> | Promise<MadeReply<T>>,
  ): EncodedReply<T> | Promise<EncodedReply<T>> {
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.hits++
      return known.reply
    }
    this.misses++
    const version = this.#version
    const keep = (made: MadeReply<T>): EncodedReply<T> => {
      if (version === this.#version && this.#isAskedAgain(name)) this.#add(name, made)
      return made.reply
    }
    const made = make()
    return made instanceof Promise ? made.then(keep) : keep(made)
  }

  forget({ names, contentIds }: Pick<Touched, 'names' | 'contentIds'>): void {
    this.#version++
    if (this.#entries.size === 0) return
    for (const name of names) this.#entries.delete(name)
    for (const contentId of contentIds)
      for (const name of this.#namesOfContent.get(contentId) ?? []) this.#entries.delete(name)
  }

  forgetAll(): void {
    this.#version++
    this.#entries.clear()
  }

  #isAskedAgain(name: string): boolean {
    if (this.#asked.has(name) || this.#askedBefore.has(name)) return true
    if (this.#asked.size === askedOnceMax) {
      this.#askedBefore = this.#asked
      this.#asked = new Set()
    }
    this.#asked.add(name)
    return false
  }

  #add(name: string, made: MadeReply<T>): void {
    this.#entries.set(name, made)
    for (const contentId of made.contentIds) {
      const names = this.#namesOfContent.get(contentId) ?? new Set()
      this.#namesOfContent.set(contentId, names.add(name))
    }
  }

  #unlink(made: MadeReply<T>, name: string): void {
    for (const contentId of made.contentIds) {
      const names = this.#namesOfContent.get(contentId)
      names?.delete(name)
      if (names?.size === 0) this.#namesOfContent.delete(contentId)
    }
  }
}
