/** Names remembered; the oldest is forgotten first. An index that answers learns of them within 100 ms. */
const goneNamesMax = 10_000

/**
 * Names of shared/ that users removed or renamed through this peer, until the index has heard of it:
 * it may still list them.
 */
export class GoneNames {
  readonly #seenSeq: () => number
  /** The catalog's last change when a name was removed, by name. Oldest first. */
  readonly #seqs = new Map<string, number>()

  /** @param seenSeq the last change that the index has seen */
  constructor(seenSeq: () => number) {
    this.#seenSeq = seenSeq
  }

  /** A file or folder was removed; `seq` is the number of the last change that this made. */
  add(name: string, seq: number): void {
    this.#seqs.delete(name)
    this.#seqs.set(name, seq)
    for (const oldest of this.#seqs.keys()) {
      if (this.#seqs.size <= goneNamesMax) return
      this.#seqs.delete(oldest)
    }
  }

  /**
   * Tells of a name whether it, or one above it, is gone although the index may list it. Taken before the
   * index is asked: it may learn of a removal after it has answered and before the answer is read.
   */
  now(): (name: string) => boolean {
    const seenSeq = this.#seenSeq()
    for (const [name, seq] of this.#seqs) if (seq <= seenSeq) this.#seqs.delete(name)
    if (this.#seqs.size === 0) return () => false
    const gone = new Set(this.#seqs.keys())
    return (name) => {
      for (let end = name.length; end > 0; end = name.lastIndexOf('/', end - 1))
        if (gone.has(name.slice(0, end))) return true
      return false
    }
  }
}
