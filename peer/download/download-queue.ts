import type { DownloadEntry } from './download-entry.ts'

/**
 * Downloads without a source, in addition to running ones: each keeps its buffers, at most 16 MiB.
 */
export const downloadsStarvedMax = 64

type Queued = Pick<DownloadEntry, 'request' | 'isStarved'>

/**
 * Which downloads wait and which run: a bounded number, and no two of one name. Starved downloads do
 * not count, as long as they are not too many.
 */
export class DownloadQueue<T extends Queued> {
  /** The number that may run simultaneously; if it is lowered, running ones finish. */
  atOnce: number
  readonly #waiting: T[] = []
  /** With the end of the present run. */
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

  /** Whether no further download may run, not counting starved ones. */
  get isFull(): boolean {
    return this.#fedCount >= this.atOnce
  }

  get #fedCount(): number {
    return [...this.#running.keys()].filter(({ isStarved }) => !isStarved).length
  }

  /** Appends a download to the queue. */
  add(download: T): void {
    this.#waiting.push(download)
  }

  /** Puts a download that lost its place in front of the queue. */
  addFirst(download: T): void {
    this.#waiting.unshift(download)
  }

  /** @returns whether it was queued */
  remove(download: T): boolean {
    const place = this.#waiting.indexOf(download)
    if (place !== -1) this.#waiting.splice(place, 1)
    return place !== -1
  }

  /** Takes the next download, which runs from now on; undefined when none may. */
  next(): T | undefined {
    if (this.isFull || this.#running.size >= this.atOnce + downloadsStarvedMax) return undefined
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
