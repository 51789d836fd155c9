import type { ServerResponse } from 'node:http'
import { limits } from '../../../common/limits.ts'

type Stream = Pick<
  ServerResponse,
  'destroy' | 'destroyed' | 'once' | 'off' | 'write' | 'writableLength'
>

/**
 * One open page, or program that reads the stream. It is never waited for: one that reads too
 * slowly is disconnected, and continues where it was when it reconnects.
 */
export class LiveClient {
  readonly #stream: Stream
  #hasRead = true
  /** Unread bytes with which it is disconnected. */
  #unreadBytesMax = limits.liveClientBytesMax
  /** The events that it missed follow this cursor; undefined once it has them. */
  resumesAfter: string | undefined
  /** Events that it was sent before the others. */
  #seen: ReadonlySet<string> | undefined

  constructor(stream: Stream, { after }: { after: string | undefined }) {
    this.#stream = stream
    this.resumesAfter = after
    stream.once('drain', this.#onDrain)
  }

  /** Bytes that it has not read yet. */
  get unreadBytes(): number {
    return this.#stream.writableLength
  }

  /**
   * Sends the present state. However large that is, it is no sign of a slow reader, which could
   * otherwise never connect.
   */
  sendState(frames: readonly Uint8Array[]): void {
    for (const frame of frames) {
      if (this.#stream.destroyed) return
      this.#unreadBytesMax += frame.length
      this.#stream.write(frame)
    }
  }

  send(frame: Uint8Array): void {
    if (this.#stream.destroyed) return
    if (this.unreadBytes + frame.length > this.#unreadBytesMax) this.close()
    else this.#stream.write(frame)
  }

  /** Sends one event, unless it has been sent with those that the client missed. */
  sendOnce(id: string, frame: Uint8Array): void {
    if (this.#seen?.has(id) !== true) this.send(frame)
  }

  /** It was sent the events that it missed. */
  onResumed(ids: readonly string[]): void {
    this.resumesAfter = undefined
    this.#seen = new Set(ids)
  }

  /** All clients have been sent the events up to now. */
  onCaughtUp(): void {
    this.#seen = undefined
  }

  /** Sends a comment; disconnects a client that has read nothing since the previous one. */
  keepAlive(comment: Uint8Array): void {
    if (this.unreadBytes > 0 && !this.#hasRead) return this.close()
    this.#hasRead = this.unreadBytes === 0
    this.#stream.off('drain', this.#onDrain)
    this.#stream.once('drain', this.#onDrain)
    this.send(comment)
  }

  close(): void {
    this.#stream.destroy()
  }

  readonly #onDrain = (): void => {
    this.#hasRead = true
  }
}
