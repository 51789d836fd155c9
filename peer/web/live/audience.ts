import type { Clock } from '../../../common/clock.ts'
import { limits } from '../../../common/limits.ts'
import type { Log } from '../../../common/log.ts'
import type { LiveClient } from './live-client.ts'

export interface LiveDependencies {
  readonly clock: Clock
  readonly log: Log
}

/** All clients of the stream. */
export class Audience {
  readonly #clients = new Set<LiveClient>()

  get size(): number {
    return this.#clients.size
  }

  add(client: LiveClient): void {
    this.#clients.add(client)
  }

  remove(client: LiveClient): void {
    this.#clients.delete(client)
  }

  /** Clients that have not been sent what they missed. */
  resuming(): LiveClient[] {
    return [...this.#clients].filter(({ resumesAfter }) => resumesAfter !== undefined)
  }

  publish(frame: Uint8Array): void {
    for (const client of this.#clients) client.send(frame)
    this.#disconnectNonReaders()
  }

  /** Publishes a recorded event; clients that have not been sent what they missed get it with that. */
  publishEvent(id: string, frame: Uint8Array): void {
    for (const client of this.#clients)
      if (client.resumesAfter === undefined) client.sendOnce(id, frame)
    this.#disconnectNonReaders()
  }

  onCaughtUp(): void {
    for (const client of this.#clients) client.onCaughtUp()
  }

  keepAlive(comment: Uint8Array): void {
    for (const client of this.#clients) client.keepAlive(comment)
  }

  closeAll(): void {
    for (const client of this.#clients) client.close()
  }

  /** Bounds the bytes that all clients together have not read: the largest are disconnected. */
  #disconnectNonReaders(): void {
    let bytes = 0
    for (const { unreadBytes } of this.#clients) bytes += unreadBytes
    if (bytes <= limits.liveBytesMax) return
    for (const client of [...this.#clients].toSorted((a, b) => b.unreadBytes - a.unreadBytes)) {
      if (bytes <= limits.liveBytesMax) return
      bytes -= client.unreadBytes
      client.close()
    }
  }
}
