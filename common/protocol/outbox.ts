import { once } from 'node:events'
import type { Writable } from 'node:stream'
import { limits } from '../limits.ts'
import type { BulkSource } from './bulk.ts'

/** What leaves together. */
export interface Outgoing {
  readonly frame: Buffer
  readonly bulk?: BulkSource | undefined
}

interface Item {
  /** Called when its turn has come. */
  readonly outgoing: () => Outgoing
  /** What it holds of memory until then. */
  readonly bytes: number
}

/**
 * The sending half of a connection: frames leave in order, and a frame with bulk is followed by its
 * bytes, read no faster than the socket takes them. A source that fails after its frame left has
 * broken the stream, which is then destroyed.
 */
export class Outbox {
  readonly #stream: Writable
  readonly #onBytesSent: () => void
  readonly #items: Item[] = []
  #waitingBytes = 0
  #pump: Promise<void> | undefined

  constructor(stream: Writable, onBytesSent: () => void) {
    this.#stream = stream
    this.#onBytesSent = onBytesSent
  }

  /** Whether so much waits that no more work should be taken on. */
  get isFull(): boolean {
    return (
      this.#items.length > limits.sendQueueItemsMax ||
      this.#waitingBytes + this.#stream.writableLength > limits.sendBufferBytesMax
    )
  }

  send(frame: Buffer): void {
    if (this.#pump !== undefined) this.sendInTurn(() => ({ frame }), frame.length)
    else if (this.#isOpen) this.#stream.write(frame)
  }

  /**
   * Sends what `outgoing` returns when its turn has come, which may be never.
   * @param bytes what it holds of memory until then
   */
  sendInTurn(outgoing: () => Outgoing, bytes: number): void {
    if (!this.#isOpen) return
    this.#items.push({ outgoing, bytes })
    this.#waitingBytes += bytes
    this.#pump ??= this.#run()
  }

  /** Resolves when everything sent so far is with the operating system, or the stream is gone. */
  async flushed(): Promise<void> {
    await this.#pump
    if (!this.#stream.destroyed && this.#stream.writableNeedDrain) await this.#drained()
  }

  get #isOpen(): boolean {
    return !this.#stream.destroyed && !this.#stream.writableEnded
  }

  async #run(): Promise<void> {
    try {
      for (let item = this.#items.shift(); item !== undefined; item = this.#items.shift()) {
        this.#waitingBytes -= item.bytes
        const { frame, bulk } = item.outgoing()
        await this.#write(frame)
        if (bulk !== undefined) await this.#writeBulk(bulk)
      }
    } catch (error) {
      this.#stream.destroy(error instanceof Error ? error : new Error(String(error)))
    } finally {
      this.#items.length = 0
      this.#waitingBytes = 0
      this.#pump = undefined
    }
  }

  async #writeBulk({ bytes, pieces }: BulkSource): Promise<void> {
    let bytesWritten = 0
    for await (const piece of pieces) {
      bytesWritten += piece.length
      if (bytesWritten > bytes) break
      const written = this.#writeThrough(piece)
      this.#onBytesSent()
      await written
    }
    if (bytesWritten !== bytes)
      throw new Error(`a bulk source of ${bytes} bytes gave ${bytesWritten}`)
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#stream.destroyed) throw new Error('the connection ended')
    if (!this.#stream.write(bytes)) await this.#drained()
  }

  /** Resolves when the bytes are with the operating system: their memory may be used again. */
  #writeThrough(bytes: Uint8Array): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#stream.write(bytes, (error) => (error ? reject(error) : resolve()))
    return promise
  }

  async #drained(): Promise<void> {
    const ended = new AbortController()
    const onClose = (): void => ended.abort(new Error('the connection ended'))
    this.#stream.once('close', onClose)
    try {
      await once(this.#stream, 'drain', { signal: ended.signal })
    } finally {
      this.#stream.off('close', onClose)
    }
  }
}
