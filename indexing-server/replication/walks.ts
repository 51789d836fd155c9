import { limits } from '../../common/limits.ts'
import { parsePattern } from '../../common/name-query.ts'
import type { IndexStore } from '../store/store.ts'

/**
 * What a walk passes: all contents, those of a peer, or those of files whose names match a pattern,
 * shared ones or those in the trash.
 */
export type WalkOver =
  | { readonly over: 'all' }
  | { readonly over: 'peer'; readonly peerId: string }
  | { readonly over: 'names' | 'trash'; readonly pattern: string }

interface Walk {
  readonly target: WalkOver
  /** The position reached; undefined at the start. */
  readonly after: string | undefined
}

interface Step {
  readonly contentIds: readonly number[]
  readonly next: string | undefined
}

/** Walks over contents that must be judged, each a slice at a time. */
export class Walks {
  readonly #store: Pick<IndexStore, 'contentIds' | 'listNames' | 'trash'>
  /** The first one goes on until its end. */
  readonly #walks = new Map<string, Walk>()

  constructor(store: Pick<IndexStore, 'contentIds' | 'listNames' | 'trash'>) {
    this.#store = store
  }

  get isEmpty(): boolean {
    return this.#walks.size === 0
  }

  /** Starts a walk; one over the same contents starts again. */
  start(target: WalkOver): void {
    this.#walks.set(JSON.stringify(target), { target, after: undefined })
  }

  /** The next ids, some possibly repeated. */
  async next(): Promise<readonly number[]> {
    const first = this.#walks.entries().next().value
    if (first === undefined) return []
    const [key, walk] = first
    const { contentIds, next } = await this.#step(walk)
    // It may have been started again meanwhile.
    if (this.#walks.get(key) === walk) {
      if (next === undefined) this.#walks.delete(key)
      else this.#walks.set(key, { ...walk, after: next })
    }
    return contentIds
  }

  async #step({ target, after }: Walk): Promise<Step> {
    switch (target.over) {
      case 'all':
        return await this.#store.contentIds(undefined, after, limits.contentsPerSlice)
      case 'peer':
        return await this.#store.contentIds(target.peerId, after, limits.contentsPerSlice)
      case 'names':
        return await this.#stepOverNames(target.pattern, after)
      case 'trash':
        return await this.#stepOverTrash(target.pattern, after)
    }
  }

  async #stepOverNames(pattern: string, after: string | undefined): Promise<Step> {
    const { prefix, matches } = parsePattern(pattern)
    const from = after === undefined ? { name: prefix, contentId: 0 } : parsePosition(after)
    const rows = await this.#store.listNames(from, limits.contentsPerSlice)
    const matching = rows.filter(({ name }) => matches(name))
    const last = rows.length === limits.contentsPerSlice ? rows.at(-1) : undefined
    const isMore = last?.name.startsWith(prefix) === true
    return {
      contentIds: matching.map(({ contentId }) => contentId),
      next: isMore ? JSON.stringify([last.name, last.contentId]) : undefined,
    }
  }

  async #stepOverTrash(pattern: string, after: string | undefined): Promise<Step> {
    const { prefix, matches } = parsePattern(pattern)
    const [name, owner] = after === undefined ? [prefix, ''] : (JSON.parse(after) as string[])
    const files = await this.#store.trash(
      { name: name ?? '', owner: owner ?? '' },
      limits.contentsPerSlice,
    )
    const last = files.length === limits.contentsPerSlice ? files.at(-1) : undefined
    const isMore = last?.name.startsWith(prefix) === true
    return {
      contentIds: files
        .filter((file) => matches(file.name))
        .map(({ content }) => content.contentId),
      next: isMore ? JSON.stringify([last.name, last.owner]) : undefined,
    }
  }
}

function parsePosition(after: string): { name: string; contentId: number } {
  const [name, contentId] = JSON.parse(after) as [string, number]
  return { name, contentId }
}
