import type { NewEvent } from '../events/event.ts'
import type { IntentRecord } from './intent-kinds.ts'
import type { FileKey, Touched } from './store.ts'

/** What one write has touched so far. */
export class Touching implements Touched {
  readonly contents = new Set<number>()
  readonly #names: string[] = []
  /** Contents that lost a copy or a file, and may now be unused. */
  readonly loosened = new Set<number>()
  hasStrays = false
  readonly #replaced = new Map<string, FileKey>()
  readonly intent: IntentRecord[] = []
  readonly events: NewEvent[] = []

  touch(contentId: number, name: string): void {
    this.contents.add(contentId)
    if (this.#names.at(-1) !== name) this.#names.push(name)
  }

  /** A name is listed, or no longer: downloads list it until an owner removes or unshares its file. */
  touchName(name: string): void {
    this.#names.push(name)
  }

  loosen(contentId: number, name: string): void {
    this.touch(contentId, name)
    this.loosened.add(contentId)
  }

  /** The file has one more replaced version. */
  replace({ owner, name }: FileKey): void {
    this.#replaced.set(`${owner}/${name}`, { owner, name })
  }

  get replaced(): readonly FileKey[] {
    return [...this.#replaced.values()]
  }

  get contentIds(): readonly number[] {
    return [...this.contents]
  }

  get names(): readonly string[] {
    return this.#names
  }
}
