import { onTestFinished } from 'vitest'
import { AppError } from '../../../common/errors.ts'
import type { MatchedFile } from '../../../common/protocol/messages.ts'
import { seededRandom } from '../../../common/random.ts'
import { contentOf } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { Download } from '../../api/download-shapes.ts'
import type { BackgroundDownloads, FollowIndex, FollowShelf } from '../follow-parts.ts'
import { FollowStore } from '../follow-store.ts'
import { Follower } from '../follower.ts'

/** Rows of a page of the index. */
const pageRows = 3

interface Asked {
  readonly download: Download
  readonly sha256: string
  readonly replacesOnly: readonly string[]
}

/** A cluster, the files of a peer, and its downloads, which a test ends. */
export class FollowWorld {
  readonly clock = new FakeClock()
  /** Texts by name: what the cluster has, downloaded/, and shared/. */
  readonly cluster = new Map<string, { text: string; modifiedMs: number }>()
  readonly downloaded = new Map<string, string>()
  readonly shared = new Set<string>()
  /** In the order of their starts. */
  readonly asked: Asked[] = []
  /** Why the index does not answer. */
  failure: AppError | undefined
  /** Whether there is no connection to the index. */
  isAway = false
  /** Pages that were requested. */
  pages = 0
  readonly store: FollowStore
  readonly shelf: FollowShelf
  #follower: Follower | undefined
  #version = 1
  readonly #changed = new WakeUp()
  readonly #ended = new WakeUp()

  /** @param ready resolves when the peer knows the files that it had */
  constructor(
    store = new FollowStore(':memory:', { log: silentLog }),
    ready: Promise<void> = Promise.resolve(),
  ) {
    this.store = store
    this.shelf = {
      ready,
      downloaded: (name) => {
        const text = this.downloaded.get(name)
        return text === undefined ? undefined : contentOf(Buffer.from(text)).content.sha256
      },
      isShared: (name) => this.shared.has(name),
    }
    onTestFinished(async () => await this.#follower?.[Symbol.asyncDispose]())
  }

  /** Started with the first use. */
  get follower(): Follower {
    const { store, clock, index, shelf, downloads } = this
    const random = seededRandom('follower')
    const parts = { store, clock, index, shelf, downloads, random, log: silentLog }
    this.#follower ??= new Follower({ peerId: 'peer1' }, parts)
    return this.#follower
  }

  /** The cluster has a file, of which peer2 has a copy. */
  add(name: string, text: string, modifiedMs = 1): void {
    this.cluster.set(name, { text, modifiedMs })
    this.change()
  }

  change(): void {
    this.#version += 1
    this.#changed.notify()
  }

  /** Lets everything run that does not wait for more than this time. */
  async pass(ms = 0): Promise<void> {
    await this.clock.advance(ms)
  }

  /** Names of downloads that have not ended. */
  get running(): string[] {
    return this.asked.flatMap(({ download }) =>
      download.state === 'running' ? [download.name] : [],
    )
  }

  /** Ends the download of a name: the cluster's content is in its place. */
  async done(name: string): Promise<void> {
    const asked = this.#runningOf(name)
    const { text } = this.cluster.get(name) ?? { text: '' }
    if (contentOf(Buffer.from(text)).content.sha256 !== asked.sha256)
      throw new Error(`${name} has other content now`)
    this.downloaded.set(name, text)
    await this.#end(asked, { state: 'done' })
    this.change()
  }

  async fail(name: string, error: AppError): Promise<void> {
    const { code, message, retryable, details } = error
    const state = code === 'DISK_FULL' || code === 'PAUSED' ? 'paused' : 'failed'
    const wire = { code, message, retryable, details: { ...details } }
    await this.#end(this.#runningOf(name), { state, error: wire })
  }

  async #end({ download }: Asked, change: Partial<Download>): Promise<void> {
    Object.assign(download, change)
    this.#ended.notify()
    await this.pass()
  }

  #runningOf(name: string): Asked {
    const found = this.asked.find(
      ({ download }) => download.name === name && download.state === 'running',
    )
    if (found === undefined) throw new Error(`${name} is not being downloaded`)
    return found
  }

  readonly index: FollowIndex = {
    awaitChanges: async (after, signal) => {
      while (this.isAway || after === String(this.#version)) {
        await this.#changed.next(signal)
        signal.throwIfAborted()
      }
      return { cursor: String(this.#version), topics: ['files'] }
    },
    match: async ({ pattern, after = '', withModified = false }, signal) => {
      signal.throwIfAborted()
      this.pages += 1
      if (this.failure !== undefined) throw this.failure
      const prefix = pattern.replace(/\*+$/, '')
      const names = [...this.cluster.keys()].toSorted()
      const found = names.filter((name) => name.startsWith(prefix) && name > after)
      const files = found.slice(0, pageRows).map((name) => this.#row(name, withModified))
      const last = files.at(-1)?.name
      return { files, ...(found.length > pageRows && last !== undefined && { next: last }) }
    },
  }

  #row(name: string, withModified: boolean): MatchedFile {
    const { text, modifiedMs } = this.cluster.get(name) ?? { text: '', modifiedMs: 0 }
    const source = { peerId: 'peer2', host: 'h', port: 7_101, kind: 'shared' } as const
    const { content } = contentOf(Buffer.from(text))
    return { name, ...content, ...(withModified && { modifiedMs }), sources: [source] }
  }

  readonly downloads: BackgroundDownloads = {
    start: ({ name, sha256 = '' }, { startedBy, replacesOnly }) => {
      const same = this.asked.find(
        (one) => one.sha256 === sha256 && one.download.name === name && isActive(one.download),
      )
      if (same !== undefined) return { ...same.download }
      const counts = { bytes: 0, size: 0, reusedBytes: 0, bytesPerSecond: 0 }
      const id = `d${this.asked.length + 1}`
      const download: Download = { id, name, state: 'running', ...counts, sources: [], startedBy }
      this.asked.push({ download, sha256, replacesOnly })
      return { ...download }
    },
    wait: async (id, _, signal) => {
      for (;;) {
        const { download } = this.#asked(id)
        if (download.state !== 'running' || signal.aborted) return { ...download }
        await this.#ended.next(signal)
      }
    },
    resume: (id) => {
      const { download } = this.#asked(id)
      download.state = 'running'
      delete download.error
      return { ...download }
    },
    cancel: async (id) => {
      const { code, message, retryable } = new AppError('CANCELLED', { what: 'It' })
      const error = { code, message, retryable, details: {} }
      await this.#end(this.#asked(id), { state: 'failed', error })
    },
  }

  #asked(id: string): Asked {
    const found = this.asked.find(({ download }) => download.id === id)
    if (found === undefined) throw new AppError('DOWNLOAD_NOT_FOUND', { id })
    return found
  }
}

function isActive({ state }: Download): boolean {
  return state === 'running' || state === 'paused'
}
