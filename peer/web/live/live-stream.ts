import type { ServerResponse } from 'node:http'
import { BackgroundWork } from '../../../common/background.ts'
import { AppError } from '../../../common/errors.ts'
import { limits } from '../../../common/limits.ts'
import { Audience, type LiveDependencies } from './audience.ts'
import { commentFrame, firstFrame } from './frames.ts'
import { LiveClient } from './live-client.ts'
import { LiveFeed, type LiveSources } from './live-feed.ts'

interface RunningFeed {
  readonly feed: LiveFeed
  readonly stop: AbortController
}

/** Interval of comments: shorter than the idle timeouts of proxies, which are 30 s or more. */
const commentEveryMs = 15_000

/**
 * The stream of events to all clients. The feed runs while there is a client: a peer without an open
 * page does nothing for it, and neither does its index.
 */
export class LiveStream implements AsyncDisposable {
  readonly #sources: LiveSources
  readonly #hello: Buffer
  readonly #dependencies: LiveDependencies
  readonly #background: BackgroundWork
  readonly #audience = new Audience()
  #feed: RunningFeed | undefined

  /** @param hello what each client is sent first */
  constructor(hello: object, sources: LiveSources, dependencies: LiveDependencies) {
    this.#sources = sources
    this.#hello = firstFrame(hello)
    this.#dependencies = dependencies
    this.#background = new BackgroundWork(dependencies)
  }

  /** @throws AppError BUSY, STOPPING */
  checkRoom(): void {
    if (this.#background.signal.aborted) throw new AppError('STOPPING')
    if (this.#audience.size >= limits.liveClientsMax) throw new AppError('BUSY')
  }

  /** @param after the last event that the client has, if it continues a stream */
  add(response: ServerResponse, { after }: { after: string | undefined }): void {
    // It will not be told to close again.
    if (response.destroyed) return
    const client = new LiveClient(response, { after })
    response.once('close', () => this.#remove(client))
    const { feed } = (this.#feed ??= this.#start())
    client.sendState([this.#hello, ...feed.state()])
    this.#audience.add(client)
    feed.onClient()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#audience.closeAll()
    this.#feed?.stop.abort()
    await this.#background[Symbol.asyncDispose]()
  }

  #start(): RunningFeed {
    const feed = new LiveFeed(this.#sources, this.#audience, this.#dependencies)
    const stop = new AbortController()
    this.#background.start('publish to open pages', async (signal) => {
      const isOver = AbortSignal.any([signal, stop.signal])
      try {
        await Promise.all([feed.run(isOver), this.#comment(isOver)])
      } catch (error) {
        if (!isOver.aborted) throw error
      }
    })
    return { feed, stop }
  }

  async #comment(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#dependencies.clock.sleep(commentEveryMs, signal)
      this.#audience.keepAlive(commentFrame)
    }
  }

  #remove(client: LiveClient): void {
    this.#audience.remove(client)
    if (this.#audience.size > 0) return
    this.#feed?.stop.abort()
    this.#feed = undefined
  }
}
