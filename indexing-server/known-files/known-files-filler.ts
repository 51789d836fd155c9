import type { Clock } from '../../common/clock.ts'
import type { LoopTurns } from '../loop-turns.ts'
import type { IndexStore } from '../store/store.ts'
import type { KnownFiles } from './known-files.ts'

/** Files read at a time: other events wait for half a millisecond. */
const filesPerSlice = 100
/** After so many rows were dropped because of writes, all names are read again. */
const droppedMax = 10_000
/** How often it looks whether they were. */
const lookEveryMs = 10_000
/** How long it waits when a write came in between. */
const calmMs = 1_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'soleContents'>
  readonly files: KnownFiles
  readonly turns: LoopTurns
  readonly clock: Clock
}

/** Fills the known files from the store: at the start, and after many writes. */
export class KnownFilesFiller {
  readonly #dependencies: Dependencies

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async run(signal: AbortSignal): Promise<never> {
    const { files, clock } = this.#dependencies
    for (;;) {
      const { dropped } = files
      await this.#fill(signal)
      while (files.dropped - dropped < droppedMax) await clock.sleep(lookEveryMs, signal)
    }
  }

  async #fill(signal: AbortSignal): Promise<void> {
    const { store, files, turns, clock } = this.#dependencies
    for (let after: string | undefined = ''; after !== undefined && !files.isFull; ) {
      signal.throwIfAborted()
      const { version } = files
      const page: Awaited<ReturnType<IndexStore['soleContents']>> = await store.soleContents(
        after,
        filesPerSlice,
      )
      if (version !== files.version) {
        await clock.sleep(calmMs, signal)
        continue
      }
      for (const { name, content } of page.named) files.put(name, content, version)
      after = page.next
      await turns.next()
    }
  }
}
