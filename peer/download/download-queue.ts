import type { DownloadEntry } from './download-entry.ts'
import type { Background } from './download-records.ts'

/**
 * Downloads without a source, in addition to running ones: each keeps its buffers, at most 16 MiB.
 */
export const downloadsStarvedMax = 64

const anyBackground: Background = { startedBy: 'follow', replacesOnly: [] }

type Queued = Pick<DownloadEntry, 'request' | 'background' | 'isStarved'>

/**
 * Which downloads wait and which run: a bounded number, and no two of one name. Starved downloads do
 * not count, as long as they are not too many. Background downloads run only while no download of a
 * user does or could.
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

  /** Whether no further download of its class may run, not counting starved ones. */
  isFullFor({ background }: Pick<T, 'background'>): boolean {
    const fed = [...this.#running.keys()].filter(({ isStarved }) => !isStarved)
    if (background === undefined) return fed.filter(isOfUser).length >= this.atOnce
    return fed.length >= this.atOnce || this.#areUsersActive
  }

  /** Running ones that must lose their place to downloads of users. */
  get yielding(): T[] {
    const running = [...this.#running.keys()].filter((download) => !isOfUser(download))
    return running.length > 0 && this.#areUsersActive ? running : []
  }

  /** Whether a download of a user is fed, or waits for nothing but a place. */
  get #areUsersActive(): boolean {
    const running = [...this.#running.keys()].filter(isOfUser)
    const busyNames = new Set(running.map(({ request }) => request.name))
    return (
      running.some(({ isStarved }) => !isStarved) ||
      this.#waiting.some((one) => isOfUser(one) && !busyNames.has(one.request.name))
    )
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
    if (this.#running.size >= this.atOnce + downloadsStarvedMax) return undefined
    // Once per call: thousands may be waiting.
    if (this.isFullFor({ background: undefined })) return undefined
    const mayBackground = !this.isFullFor({ background: anyBackground })
    const busyNames = new Set([...this.#running.keys()].map(({ request }) => request.name))
    const place = this.#waiting.findIndex(
      (one) => !busyNames.has(one.request.name) && (isOfUser(one) || mayBackground),
    )
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

function isOfUser({ background }: Queued): boolean {
  return background === undefined
}
