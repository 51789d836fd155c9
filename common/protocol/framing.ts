/**
 * Framing, without sockets: a frame is a 4-byte big-endian length and that many bytes of body; raw
 * bulk bytes may follow a frame that announced them.
 */
import { AppError } from '../errors.ts'
import { limits } from '../limits.ts'

const headerBytes = 4
/**
 * The first allocation for a body that arrives in parts: a claimed length alone allocates no more.
 */
const firstBodyBytes = 4_096
/** An empty view: an empty part of the input would retain all of it. */
const nothing = Buffer.alloc(0)

/**
 * Encodes a frame around `body`.
 * @throws AppError TOO_LARGE if the body exceeds its limit
 */
export function encodeFrame(body: string): Buffer {
  const bodyBytes = Buffer.byteLength(body)
  if (bodyBytes > limits.frameBodyBytesMax)
    throw new AppError('TOO_LARGE', {
      what: 'A message',
      max: limits.frameBodyBytesMax,
      unit: 'bytes',
    })
  const frame = Buffer.allocUnsafe(headerBytes + bodyBytes)
  frame.writeUInt32BE(bodyBytes, 0)
  frame.write(body, headerBytes)
  return frame
}

/**
 * The decoder's output: a frame that has begun, with its total size; the body of a complete frame;
 * or a piece of the expected bulk bytes.
 */
export type Decoded =
  | { readonly kind: 'begin'; readonly bytes: number }
  | { readonly kind: 'frame'; readonly body: Buffer }
  | { readonly kind: 'bulk'; readonly piece: Buffer; readonly isLast: boolean }

/**
 * Splits a byte stream, however it is cut, into frames and bulk pieces. The caller calls {@link
 * next} until it returns undefined; after a frame that announces bulk bytes it calls {@link
 * expectBulk} first. Bodies and pieces may share memory with the input.
 */
export class FrameDecoder {
  #input: Buffer = nothing
  /** Up to where the input is decoded. */
  #at = 0
  #bulkBytesLeft = 0
  readonly #header = Buffer.alloc(headerBytes)
  #headerBytesRead = 0
  /** Set once the header is complete. */
  #bodyBytes = 0
  #body: Buffer = nothing
  #bodyBytesRead = 0
  /** Whether the current frame was reported. */
  #hasBegun = false

  /** Bytes that were pushed and not decoded yet. */
  get waitingBytes(): number {
    return this.#input.length - this.#at
  }

  /** Takes the next part of the stream; the previous part must be fully decoded. */
  push(bytes: Buffer): void {
    const isDecoded = this.waitingBytes === 0
    this.#input = isDecoded ? bytes : Buffer.concat([this.#input.subarray(this.#at), bytes])
    this.#at = 0
  }

  /**
   * The length of the next frame's body, if all of it was pushed together; 0 otherwise. It begins at
   * {@link bodyStart} of {@link input}. {@link skip} passes over it; otherwise {@link next} returns it.
   */
  peek(): number {
    const bytesAfterHeader = this.waitingBytes - headerBytes
    const isBetweenFrames = this.#bulkBytesLeft === 0 && this.#headerBytesRead === 0
    if (!isBetweenFrames || bytesAfterHeader <= 0) return 0
    const bodyBytes = this.#input.readUInt32BE(this.#at)
    return bodyBytes <= bytesAfterHeader ? bodyBytes : 0
  }

  /** What was pushed; valid until the decoder is used again. */
  get input(): Buffer {
    return this.#input
  }

  get bodyStart(): number {
    return this.#at + headerBytes
  }

  /** Passes over the next frame, whose body has this length. */
  skip(bodyBytes: number): void {
    this.#at += headerBytes + bodyBytes
    this.#dropDecoded()
  }

  /** Announces that `bytes` raw bytes follow the frame just returned. */
  expectBulk(bytes: number): void {
    this.#bulkBytesLeft = bytes
  }

  /**
   * The next frame or piece, or undefined if more input is needed.
   * @throws AppError BAD_FRAME if a length is 0 or exceeds its limit; the stream is then unusable
   */
  next(): Decoded | undefined {
    if (this.waitingBytes === 0) return undefined
    if (this.#bulkBytesLeft > 0) return this.#nextPiece()
    if (this.#headerBytesRead < headerBytes && !this.#readHeader()) return undefined
    if (this.#bodyBytesRead === 0 && this.waitingBytes === 0) return undefined
    return this.#readBody()
  }

  #nextPiece(): Decoded {
    const piece = this.#take(this.#bulkBytesLeft)
    this.#bulkBytesLeft -= piece.length
    return { kind: 'bulk', piece, isLast: this.#bulkBytesLeft === 0 }
  }

  #readHeader(): boolean {
    const part = this.#take(headerBytes - this.#headerBytesRead)
    part.copy(this.#header, this.#headerBytesRead)
    this.#headerBytesRead += part.length
    if (this.#headerBytesRead < headerBytes) return false
    this.#bodyBytes = this.#header.readUInt32BE(0)
    if (this.#bodyBytes === 0 || this.#bodyBytes > limits.frameBodyBytesMax)
      throw new AppError('BAD_FRAME', { reason: `a frame has ${this.#bodyBytes} bytes` })
    return true
  }

  #readBody(): Decoded | undefined {
    if (this.#bodyBytesRead === 0 && this.waitingBytes >= this.#bodyBytes)
      return this.#finishFrame(this.#take(this.#bodyBytes))
    if (!this.#hasBegun) {
      this.#hasBegun = true
      return { kind: 'begin', bytes: this.#bodyBytes }
    }
    const part = this.#take(this.#bodyBytes - this.#bodyBytesRead)
    this.#reserve(this.#bodyBytesRead + part.length)
    part.copy(this.#body, this.#bodyBytesRead)
    this.#bodyBytesRead += part.length
    if (this.#bodyBytesRead < this.#bodyBytes) return undefined
    return this.#finishFrame(this.#body.subarray(0, this.#bodyBytes))
  }

  #finishFrame(body: Buffer): Decoded {
    this.#headerBytesRead = 0
    this.#bodyBytesRead = 0
    this.#hasBegun = false
    this.#body = nothing
    return { kind: 'frame', body }
  }

  /** Doubles the body's buffer, so that memory follows the received bytes. */
  #reserve(bytes: number): void {
    if (bytes <= this.#body.length) return
    const grown = Math.max(firstBodyBytes, bytes, 2 * this.#body.length)
    const body = Buffer.allocUnsafe(Math.min(this.#bodyBytes, grown))
    this.#body.copy(body, 0, 0, this.#bodyBytesRead)
    this.#body = body
  }

  #take(bytesMax: number): Buffer {
    const taken = this.#input.subarray(this.#at, this.#at + bytesMax)
    this.#at += taken.length
    this.#dropDecoded()
    return taken
  }

  /** Fully decoded input is not kept in memory. */
  #dropDecoded(): void {
    if (this.#at < this.#input.length) return
    this.#input = nothing
    this.#at = 0
  }
}
