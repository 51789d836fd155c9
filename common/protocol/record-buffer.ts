import assert from 'node:assert/strict'
import type { OnReadOpts } from 'node:net'
import type { TLSSocket } from 'node:tls'
import type { Wire } from './transport.ts'

/** Plain bytes of a TLS record, at most (RFC 8446, 5.1); Node decrypts one record at a time. */
const recordBytesMax = 16 * 1024
/** Records that are returned together, at most: as many bytes as a TCP socket reads at a time. */
const recordsMax = 16

/**
 * The read buffer of a dialled TLS socket, reused: allocating one per record keeps the garbage collector
 * busier than the encryption keeps the processor. Full records, of which more are likely to follow, are
 * gathered until the end of the turn of the event loop: handling one takes as long as decrypting it. Records
 * that were received before a pause are decrypted during it; the stream keeps copies of these.
 */
export class RecordBuffer implements OnReadOpts {
  #memory = memoryFor(1)
  /** The other memory, once a pausing caller has kept reading one. */
  #spare: Memory | undefined
  /** The place in the memory of the first record that was not returned yet. */
  #begin = 0
  /** The place where the next record is written: Node asks for it when the previous one has arrived. */
  #next = 0
  /** Whether a caller still reads the memory: it has paused. */
  #isHeld = false
  #isToReturn = false
  #socket: TLSSocket | undefined
  #onBytes: ((bytes: Buffer) => void) | undefined

  /** The wire of the socket that was created with this buffer; called before any bytes arrive. */
  wireOf(socket: TLSSocket): Wire {
    this.#socket = socket
    socket.on('pause', () => this.#keep(0))
    // Comes before the listener of the owner, who may destroy the socket.
    socket.on('end', () => this.#return(0))
    return {
      stream: socket,
      read: (onBytes) => {
        this.#onBytes = onBytes
        // Returns the records that the stream keeps.
        socket.on('data', onBytes)
      },
    }
  }

  readonly buffer = (): Buffer => {
    if (this.#begin === this.#next) this.#startOver()
    return this.#memory.places[this.#next] ?? assert.fail()
  }

  readonly callback = (count: number): boolean => {
    if (this.#isKeeping) this.#keep(count)
    else if (count < recordBytesMax) this.#return(count)
    else this.#gather()
    return true
  }

  /** Whether the stream keeps the next record: it is not read, or not yet, or keeps earlier ones. */
  get #isKeeping(): boolean {
    const socket = this.#socket
    if (socket === undefined || this.#onBytes === undefined) return true
    return socket.isPaused() || socket.readableLength > 0
  }

  /** Keeps a full record in the memory. */
  #gather(): void {
    this.#next += 1
    if (this.#next === this.#memory.places.length) this.#return(0)
    else if (!this.#isToReturn) {
      this.#isToReturn = true
      setImmediate(() => {
        this.#isToReturn = false
        this.#return(0)
      })
    }
  }

  /** Returns the gathered records, and `count` bytes of a last one. */
  #return(count: number): void {
    const bytes = this.#take(count)
    const socket = this.#socket
    if (bytes.length === 0 || socket === undefined || socket.destroyed) return
    this.#onBytes?.(bytes)
    this.#isHeld = socket.isPaused()
  }

  /** Has the stream keep the gathered records, and `count` bytes of a last one. */
  #keep(count: number): void {
    const bytes = this.#take(count)
    if (bytes.length > 0) this.#socket?.push(Buffer.from(bytes))
  }

  #take(count: number): Buffer {
    const start = this.#begin * recordBytesMax
    this.#begin = this.#next
    return this.#memory.bytes.subarray(start, this.#next * recordBytesMax + count)
  }

  /** Uses the memory from its beginning again, a larger one if it was full, or another one if it is being read. */
  #startOver(): void {
    const { length } = this.#memory.places
    const isFull = this.#next === length
    this.#begin = 0
    this.#next = 0
    if (this.#isHeld && this.#socket?.isPaused() === true) {
      const spare = this.#spare?.places.length === length ? this.#spare : memoryFor(length)
      this.#spare = this.#memory
      this.#memory = spare
    } else if (isFull && length < recordsMax) this.#memory = memoryFor(4 * length)
    this.#isHeld = false
  }
}

interface Memory {
  readonly bytes: Buffer
  /** Its parts for a record each. */
  readonly places: readonly Buffer[]
}

function memoryFor(records: number): Memory {
  const bytes = Buffer.allocUnsafeSlow(records * recordBytesMax)
  const places = Array.from({ length: records }, (_, index) =>
    bytes.subarray(index * recordBytesMax, (index + 1) * recordBytesMax),
  )
  return { bytes, places }
}
