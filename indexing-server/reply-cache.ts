import { LRUCache } from 'lru-cache'
import type { Touched } from './store/store.ts'

interface CachedReply<Reply> {
  readonly reply: Reply
  /** The contents in the reply. */
  readonly contentIds: readonly number[]
  /** The number of sources in it: its cost. */
  readonly sources: number
}

/**
 * Finished replies by name, evicting the least recently used. A reply is invalidated when its name
 * or one of its contents is touched; a peer's change of state invalidates all.
 */
export class ReplyCache<Reply> {
  readonly #entries: LRUCache<string, CachedReply<Reply>>
  readonly #namesOfContent = new Map<number, Set<string>>()
  /** Counts invalidations, so that a reply started before one is not stored. */
  #version = 0
  hits = 0
  misses = 0

  constructor(options: { sourcesMax: number }) {
    this.#entries = new LRUCache<string, CachedReply<Reply>>({
      maxSize: options.sourcesMax,
      // A long name, or a content with its hashes, takes as much memory as several sources.
      sizeCalculation: (cached, name) =>
        1 + cached.sources + 3 * cached.contentIds.length + Math.ceil(name.length / 100),
      dispose: (cached, name) => this.#unlink(cached, name),
    })
  }

  /** The reply for `name`, created by `make` if it is not cached. Errors are not cached. */
  async get(name: string, make: () => Promise<CachedReply<Reply>>): Promise<Reply> {
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.hits++
      return known.reply
    }
    this.misses++
    const version = this.#version
    const made = await make()
    if (version === this.#version) this.#add(name, made)
    return made.reply
  }

  forget({ names, contentIds }: Pick<Touched, 'names' | 'contentIds'>): void {
    this.#version++
    for (const name of names) this.#entries.delete(name)
    for (const contentId of contentIds)
      for (const name of this.#namesOfContent.get(contentId) ?? []) this.#entries.delete(name)
  }

  forgetAll(): void {
    this.#version++
    this.#entries.clear()
  }

  #add(name: string, cached: CachedReply<Reply>): void {
    this.#entries.set(name, cached)
    for (const contentId of cached.contentIds) {
      const names = this.#namesOfContent.get(contentId) ?? new Set()
      this.#namesOfContent.set(contentId, names.add(name))
    }
  }

  #unlink(cached: CachedReply<Reply>, name: string): void {
    for (const contentId of cached.contentIds) {
      const names = this.#namesOfContent.get(contentId)
      names?.delete(name)
      if (names?.size === 0) this.#namesOfContent.delete(contentId)
    }
  }
}
