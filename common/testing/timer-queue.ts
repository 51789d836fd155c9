interface Timer {
  readonly dueMs: number
  /** Of those with the same time, the one set first is due first. */
  readonly number: number
  readonly callback: () => void
  state: 'queued' | 'cancelled' | 'taken'
}

/** Cancelled timers that are not worth removing. */
const spareCount = 16

/**
 * The timers of a fake clock: a binary heap, because a large simulation has many thousand of them.
 * Cancelled ones, which are seldom found quickly, stay in it until they are the larger part.
 */
export class TimerQueue {
  #heap: Timer[] = []
  #number = 0
  #size = 0

  /** The number of timers that are set. */
  get size(): number {
    return this.#size
  }

  /** @returns what cancels it, as long as it was not taken */
  add(dueMs: number, callback: () => void): () => void {
    const timer: Timer = { dueMs, number: this.#number++, callback, state: 'queued' }
    this.#size += 1
    this.#heap.push(timer)
    this.#raise(timer)
    return () => {
      if (timer.state !== 'queued') return
      timer.state = 'cancelled'
      this.#size -= 1
      if (this.#heap.length > 2 * this.#size + spareCount) this.#removeCancelled()
    }
  }

  /** Takes the first timer that is due at `timeMs` or before; undefined if there is none. */
  take(timeMs: number): Pick<Timer, 'callback' | 'dueMs'> | undefined {
    for (let first = this.#heap[0]; first !== undefined; first = this.#heap[0]) {
      if (first.state === 'queued' && first.dueMs > timeMs) return undefined
      this.#removeFirst()
      if (first.state === 'cancelled') continue
      first.state = 'taken'
      this.#size -= 1
      return first
    }
    return undefined
  }

  /** What is sorted is a heap. Their callbacks hold much memory. */
  #removeCancelled(): void {
    this.#heap = this.#heap
      .filter(({ state }) => state === 'queued')
      .sort((one, other) => (isBefore(one, other) ? -1 : 1))
  }

  #removeFirst(): void {
    const last = this.#heap.pop()
    if (last !== undefined && this.#heap.length > 0) this.#lower(last)
  }

  /** Moves the last timer up to its place. */
  #raise(timer: Timer): void {
    let at = this.#heap.length - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      const other = this.#heap[above]
      if (other === undefined || !isBefore(timer, other)) break
      this.#heap[at] = other
      at = above
    }
    this.#heap[at] = timer
  }

  /** Puts a timer in place of the first one, and down to its place. */
  #lower(timer: Timer): void {
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      const [left, right] = [this.#heap[below], this.#heap[below + 1]]
      if (left !== undefined && right !== undefined && isBefore(right, left)) below += 1
      const next = this.#heap[below]
      if (next === undefined || !isBefore(next, timer)) break
      this.#heap[at] = next
      at = below
    }
    this.#heap[at] = timer
  }
}

function isBefore(one: Timer, other: Timer): boolean {
  return one.dueMs === other.dueMs ? one.number < other.number : one.dueMs < other.dueMs
}
