import { DueHeap } from '../replication/due-heap.ts'

interface Item {
  readonly contentId: number
  readonly dueMs: number
}

/** Contents that are challenged before the walk over all contents reaches them. */
export class SoonQueue {
  readonly #sizeMax: number
  readonly #heap = new DueHeap<Item>()
  readonly #dueMs = new Map<number, number>()

  /** @param sizeMax contents that may be queued, unless they must be */
  constructor({ sizeMax }: { sizeMax: number }) {
    this.#sizeMax = sizeMax
  }

  get size(): number {
    return this.#dueMs.size
  }

  get isFull(): boolean {
    return this.size >= this.#sizeMax
  }

  /** When the first is due. */
  get nextMs(): number | undefined {
    this.#skipReplaced()
    return this.#heap.first?.dueMs
  }

  /** Queues a content, or has it be due earlier; without `must` only if there is room. */
  add(contentId: number, dueMs: number, { must = false } = {}): void {
    const known = this.#dueMs.get(contentId)
    if (known === undefined ? this.isFull && !must : known <= dueMs) return
    this.#dueMs.set(contentId, dueMs)
    this.#heap.push({ contentId, dueMs })
  }

  /** The first that is due now. */
  take(nowMs: number): number | undefined {
    this.#skipReplaced()
    const { first } = this.#heap
    if (first === undefined || first.dueMs > nowMs) return undefined
    this.#heap.pop()
    this.#dueMs.delete(first.contentId)
    return first.contentId
  }

  /** Those that are due earlier by now, or were taken. */
  #skipReplaced(): void {
    for (;;) {
      const { first } = this.#heap
      if (first === undefined || this.#dueMs.get(first.contentId) === first.dueMs) return
      this.#heap.pop()
    }
  }
}
