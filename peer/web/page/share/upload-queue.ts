import { type Signal, signal } from '@preact/signals'
import { isAbort, isCode, sentenceOf } from '../api/problem.ts'
import { nameBeside } from './name-beside.ts'

/** A file of the user's machine, to be shared under `name`. */
export interface NewFile {
  readonly name: string
  readonly file: Blob
}

export interface Upload extends NewFile {
  readonly id: number
  readonly state: 'queued' | 'sending' | 'exists' | 'copying' | 'done' | 'failed' | 'cancelled'
  readonly sentBytes: number
  /** Known once the peer has it. */
  readonly sha256?: string
  /** The peers with a live copy, and how many copies there should be. */
  readonly peers?: readonly string[]
  readonly factor?: number
  /** Why it failed. */
  readonly failure?: string
  /** Whether another file of this name may be replaced. */
  readonly replace: boolean
}

/** What to do with a name that another file has already. */
export type Resolution = 'replace' | 'keep both' | 'skip'

export interface SendOptions {
  readonly replace: boolean
  readonly onProgress: (sentBytes: number) => void
  readonly signal: AbortSignal
}

export interface Copies {
  readonly peers: readonly string[]
  readonly factor: number
}

export interface UploadDependencies {
  /** Sends the bytes. @throws Problem */
  readonly send: (file: NewFile, options: SendOptions) => Promise<{ sha256: string }>
  /** The live copies of a content; undefined while the index does not know it. */
  readonly copiesOf: (name: string, sha256: string) => Promise<Copies | undefined>
}

/** A browser opens six connections to a peer, and other requests must not wait for uploads. */
const sentAtOnce = 3
/** Names tried beside one that exists. */
const namesTriedMax = 100

const isUnfinished = ({ state }: Upload): boolean =>
  state === 'queued' || state === 'sending' || state === 'exists'

/**
 * Uploads, a few at a time. One is done when as many peers have it as should. What to do with names
 * that exist is asked once: the answer holds until all that was queued is sent.
 */
export class UploadQueue {
  readonly uploads: Signal<readonly Upload[]> = signal([])
  readonly #dependencies: UploadDependencies
  readonly #running = new Map<number, AbortController>()
  #lastId = 0
  #resolution: Resolution | undefined
  #isLooking = false

  constructor(dependencies: UploadDependencies) {
    this.#dependencies = dependencies
  }

  /** Whether bytes would be lost if the page were closed. */
  get isUnfinished(): boolean {
    return this.uploads.value.some(isUnfinished)
  }

  add(files: readonly NewFile[]): void {
    if (!this.isUnfinished) this.#resolution = undefined
    const added = files.map((file): Upload => {
      this.#lastId += 1
      return { ...file, id: this.#lastId, state: 'queued', sentBytes: 0, replace: false }
    })
    this.uploads.value = [...this.uploads.value, ...added]
    this.#startMore()
  }

  /** Answers for all names that exist, also for those found later. */
  resolve(resolution: Resolution): void {
    this.#resolution = resolution
    for (const upload of this.uploads.value)
      if (upload.state === 'exists') this.#resolveOne(upload, resolution)
    this.#startMore()
  }

  cancel(id: number): void {
    this.#change(id, { state: 'cancelled' })
    this.#running.get(id)?.abort()
  }

  cancelAll(): void {
    for (const upload of this.uploads.value) if (isUnfinished(upload)) this.cancel(upload.id)
  }

  retry(id: number): void {
    this.#change(id, { state: 'queued', sentBytes: 0 })
    this.#startMore()
  }

  /** Removes what is finished from the list. */
  clear(): void {
    this.uploads.value = this.uploads.value.filter(
      (upload) => isUnfinished(upload) || upload.state === 'copying',
    )
  }

  /** Looks where the copies are of all that is being copied; called when copies changed somewhere. */
  async look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      for (const { id, name, sha256, state } of this.uploads.value) {
        if (state !== 'copying' || sha256 === undefined) continue
        const copies = await this.#copiesOf(name, sha256)
        if (copies === undefined) continue
        const isDone = copies.peers.length >= copies.factor
        this.#change(id, { ...copies, ...(isDone && { state: 'done' }) })
      }
    } catch {
      // The next change, or the next second, looks again.
      return
    } finally {
      this.#isLooking = false
    }
  }

  /** Undefined if they cannot be told of this one. @throws Problem if the peer does not answer */
  async #copiesOf(name: string, sha256: string): Promise<Copies | undefined> {
    try {
      return await this.#dependencies.copiesOf(name, sha256)
    } catch (error) {
      if (isCode(error, 'PEER_UNREACHABLE') || isCode(error, 'INDEX_UNREACHABLE')) throw error
      return undefined
    }
  }

  #startMore(): void {
    for (const upload of this.uploads.value) {
      if (this.#running.size >= sentAtOnce) return
      if (upload.state === 'queued') this.#start(upload)
    }
  }

  #start(upload: Upload): void {
    const running = new AbortController()
    this.#running.set(upload.id, running)
    this.#change(upload.id, { state: 'sending' })
    this.#send(upload, running.signal)
      .finally(() => {
        this.#running.delete(upload.id)
        this.#startMore()
      })
      .catch(() => {})
  }

  async #send(upload: Upload, signal: AbortSignal): Promise<void> {
    const { id, replace } = upload
    const onProgress = (sentBytes: number): void => this.#change(id, { sentBytes }, 'sending')
    try {
      const { sha256 } = await this.#dependencies.send(upload, { replace, onProgress, signal })
      this.#change(id, { state: 'copying', sentBytes: upload.file.size, sha256 }, 'sending')
      this.look().catch(() => {})
    } catch (error) {
      if (signal.aborted || isAbort(error)) return
      if (!isCode(error, 'NAME_EXISTS'))
        return this.#change(id, { state: 'failed', failure: sentenceOf(error) }, 'sending')
      this.#change(id, { state: 'exists' }, 'sending')
      if (this.#resolution !== undefined) this.#resolveOne(upload, this.#resolution)
    }
  }

  #resolveOne({ id, name }: Upload, resolution: Resolution): void {
    if (resolution === 'skip') return this.#change(id, { state: 'cancelled' })
    if (resolution === 'replace') return this.#change(id, { state: 'queued', replace: true })
    const taken = new Set(this.uploads.value.map((other) => other.name))
    const free = Array.from({ length: namesTriedMax }, () => undefined).reduce<string>(
      (tried) => (taken.has(tried) ? nameBeside(tried) : tried),
      nameBeside(name),
    )
    this.#change(id, { state: 'queued', name: free })
  }

  /** Changes an upload; with `state` only if that is its state. */
  #change(id: number, changes: Partial<Upload>, state?: Upload['state']): void {
    this.uploads.value = this.uploads.value.map((upload) =>
      upload.id === id && (state === undefined || upload.state === state)
        ? { ...upload, ...changes }
        : upload,
    )
  }
}
