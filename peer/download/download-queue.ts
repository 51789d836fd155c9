import { limits } from '../../common/limits.ts'
import type { DownloadEntry } from './download-entry.ts'

type Queued = Pick<DownloadEntry, 'request' | 'isStarved'>

/**
 * Which downloads wait and which run: so many at once, no two of one name. Those that nobody sends
 * anything take no place from others, as long as they are not too many.
 */
export class DownloadQueue<T extends Queued> {
  /** How many may run at once; with fewer, too many run on. */
  atOnce: number
  readonly #waiting: T[] = []
  /** With what is told when the present run has ended. */
  readonly #running = new Map<T, PromiseWithResolvers<void>>()

  constructor(options: { atOnce: number }) {
    this.atOnce = options.atOnce
  }

  get waitingCount(): number {
    return this.#waiting.length
  }

  get runningCount(): number {
    return this.#running.size
  }

  /** Whether as many as may run are sent something. */
  get isFull(): boolean {
    return this.#fedCount >= this.atOnce
  }

  get #fedCount(): number {
    return [...this.#running.keys()].filter(({ isStarved }) => !isStarved).length
  }

  /** Puts a download behind all others that wait. */
  add(download: T): void {
    this.#waiting.push(download)
  }

  /** Puts one that had to give its place up before all others. */
  addFirst(download: T): void {
    this.#waiting.unshift(download)
  }

  /** @returns whether it was waiting for its turn */
  remove(download: T): boolean {
    const place = this.#waiting.indexOf(download)
    if (place !== -1) this.#waiting.splice(place, 1)
    return place !== -1
  }

  /** The download whose turn it is, which runs from now on; undefined when none may. */
  next(): T | undefined {
    if (this.isFull || this.#running.size >= this.atOnce + limits.downloadsStarvedMax)
      return undefined
    const busyNames = new Set([...this.#running.keys()].map(({ request }) => request.name))
    const place = this.#waiting.findIndex(({ request }) => !busyNames.has(request.name))
    const [download] = place === -1 ? [] : this.#waiting.splice(place, 1)
    if (download !== undefined) this.#running.set(download, Promise.withResolvers<void>())
    return download
  }

  /** The end of the present run of a download; undefined when it does not run. */
  runOf(download: T): Promise<void> | undefined {
    return this.#running.get(download)?.promise
  }

  /** The run of a download has ended. */
  leave(download: T): void {
    this.#running.get(download)?.resolve()
    this.#running.delete(download)
  }
}
