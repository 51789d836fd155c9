import { LRUCache } from 'lru-cache'
import type { Touched } from './store/store.ts'

interface Entry<Reply> {
  readonly reply: Reply
  /** The contents that the reply speaks of. */
  readonly contentIds: readonly number[]
  /** How many sources it names: what it costs to keep. */
  readonly sources: number
}

/**
 * Finished replies by name, the least recently used leave first. A reply is forgotten when its name
 * or one of its contents is touched; when a peer changes its state, all are.
 */
export class ReplyCache<Reply> {
  readonly #entries: LRUCache<string, Entry<Reply>>
  readonly #namesOfContent = new Map<number, Set<string>>()
  /** Counts what made replies old, so that none is kept that was begun before. */
  #version = 0
  hits = 0
  misses = 0

  constructor(options: { sourcesMax: number }) {
    this.#entries = new LRUCache<string, Entry<Reply>>({
      maxSize: options.sourcesMax,
      // In sources: a long name, or a content with its hashes, takes as much memory as several of them.
      sizeCalculation: (entry, name) =>
        1 + entry.sources + 3 * entry.contentIds.length + Math.ceil(name.length / 100),
      dispose: (entry, name) => this.#unlink(entry, name),
    })
  }

  /** The reply for `name`, made by `make` unless it is known. What `make` throws is not kept. */
  async get(name: string, make: () => Promise<Entry<Reply>>): Promise<Reply> {
    const known = this.#entries.get(name)
    if (known !== undefined) {
      this.hits++
      return known.reply
    }
    this.misses++
    const version = this.#version
    const entry = await make()
    if (version === this.#version) this.#add(name, entry)
    return entry.reply
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

  #add(name: string, entry: Entry<Reply>): void {
    this.#entries.set(name, entry)
    for (const contentId of entry.contentIds) {
      const names = this.#namesOfContent.get(contentId) ?? new Set()
      this.#namesOfContent.set(contentId, names.add(name))
    }
  }

  #unlink(entry: Entry<Reply>, name: string): void {
    for (const contentId of entry.contentIds) {
      const names = this.#namesOfContent.get(contentId)
      names?.delete(name)
      if (names?.size === 0) this.#namesOfContent.delete(contentId)
    }
  }
}
