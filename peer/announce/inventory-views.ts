import type { Inventory } from './inventory.ts'

/** One catalog, as each of two indexes hears of it: it forgets removals that both have heard of. */
export function viewsOf(catalog: Inventory): [Inventory, Inventory] {
  const seen = [0, 0]
  const view = (place: 0 | 1): Inventory => ({
    get epoch() {
      return catalog.epoch
    },
    get continues() {
      return catalog.continues
    },
    get lastSeq() {
      return catalog.lastSeq
    },
    get isComplete() {
      return catalog.isComplete
    },
    changesSince: (seq, limit) => catalog.changesSince(seq, limit),
    canResumeFrom: (seq) => catalog.canResumeFrom(seq),
    onChange: (listener) => catalog.onChange(listener),
    seenByIndex(seq) {
      seen[place] = seq
      catalog.seenByIndex(Math.min(...seen))
    },
  })
  return [view(0), view(1)]
}
