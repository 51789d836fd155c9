import type { Clock } from '../../common/clock.ts'
import { untilCalm } from '../calm.ts'
import type { LoopTurns } from '../loop-turns.ts'
import type { IndexStore, SolePage } from '../store/store.ts'
import type { KnownFiles } from './known-files.ts'

/** Files read at a time: other events wait for half a millisecond. */
const filesPerSlice = 100
/** After writes have touched so many names, all are read again. */
const forgottenMax = 10_000
/** How often it looks whether they have. */
const lookEveryMs = 10_000

interface Dependencies {
  readonly store: Pick<IndexStore, 'soleContents'>
  readonly files: KnownFiles
  readonly turns: LoopTurns
  /** Whether the index has more urgent work. */
  readonly isBusy: () => boolean
  readonly clock: Clock
}

/** Fills the known files from the store: at the start, and after many writes. */
export class KnownFilesFiller {
  readonly #dependencies: Dependencies
  #version = 0

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies
  }

  async run(signal: AbortSignal): Promise<never> {
    const { files, clock } = this.#dependencies
    for (;;) {
      const { forgotten } = files
      await this.#fill(signal)
      while (files.forgotten - forgotten < forgottenMax) await clock.sleep(lookEveryMs, signal)
      await untilCalm(() => this.#isBusy(), clock, signal)
    }
  }

  /** Reads all names, as many as there is memory for, and begins a slice again that a write has changed. */
  async #fill(signal: AbortSignal): Promise<void> {
    const { store, files, turns, clock } = this.#dependencies
    for (let after: string | undefined = ''; after !== undefined && !files.isFull; ) {
      await turns.next()
      signal.throwIfAborted()
      const { version } = files
      const page: SolePage = await store.soleContents(after, filesPerSlice)
      if (version === files.version) {
        for (const { name, content } of page.named) files.put(name, content, version)
        after = page.next
      } else await untilCalm(() => this.#isBusy(), clock, signal)
    }
  }

  /** Whether there were writes since it was asked before, or there is more urgent work. */
  #isBusy(): boolean {
    const { files, isBusy } = this.#dependencies
    const hasWrites = files.version !== this.#version
    this.#version = files.version
    return hasWrites || isBusy()
  }
}
