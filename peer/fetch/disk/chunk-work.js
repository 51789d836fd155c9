// Plain JavaScript, because each thread loads it: stripping types would cost each of them 25 MB.
import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** Read at a time: stays in the processor's cache until it is hashed. */
const readBytes = 256 * 1024
/** A write that bypasses the page cache has a multiple of this length: at least the block size of any disk. */
const directBlockBytes = 4096

/**
 * The work of a fetch that costs processor time, done synchronously, in a thread for nothing else
 * (chunk-threads.ts).
 */
export class ChunkWork {
  /**
   * The files that are hashed as they grow, by path.
   * @type {Map<string, { descriptor: number, hash: import('node:crypto').Hash }>}
   */
  #running = new Map()
  #buffer = Buffer.alloc(0)

  /**
   * Reads a chunk, if it lies in another file, and writes it and its journal record if it has its hash;
   * returns whether it has.
   * @param {import('./chunk-jobs.ts').UncheckedChunk} unchecked
   * @throws what the disk does
   */
  check({ chunk, sha256, file, position, record, from }) {
    if (from !== undefined && !isRead(chunk, from)) return false
    const isGood = hash('sha256', chunk, 'buffer').equals(sha256)
    if (isGood) this.#write(chunk, file, position)
    if (isGood && record !== undefined)
      writeSync(record.descriptor, record.bytes, 0, record.bytes.length, record.position)
    return isGood
  }

  /**
   * Hashes the next pieces of a file.
   * @param {import('./chunk-jobs.ts').HashedPieces} given
   * @throws what the disk does
   */
  hashPieces({ path, pieces }) {
    const { hash } = this.#hashOf(path)
    for (const piece of pieces) hash.update(piece)
  }

  /**
   * Hashes the next part of a file.
   * @param {import('./chunk-jobs.ts').FilePart} part
   * @throws what the disk does
   */
  hashOn({ path, start, bytes }) {
    const { hash, descriptor } = this.#hashOf(path)
    if (this.#buffer.length === 0) this.#buffer = Buffer.allocUnsafeSlow(readBytes)
    for (let done = 0; done < bytes; ) {
      const wanted = Math.min(readBytes, bytes - done)
      const bytesRead = readSync(descriptor, this.#buffer, 0, wanted, start + done)
      if (bytesRead === 0) throw new Error('it is shorter than what was written')
      hash.update(this.#buffer.subarray(0, bytesRead))
      done += bytesRead
    }
  }

  /**
   * The SHA-256, in hex, of everything hashed of a file, which is then forgotten.
   * @param {string} path
   */
  endHash(path) {
    const { hash, descriptor } = this.#hashOf(path)
    this.#running.delete(path)
    closeSync(descriptor)
    return hash.digest('hex')
  }

  /**
   * @param {Uint8Array} chunk
   * @param {import('./chunk-jobs.ts').WrittenFile} file
   * @param {number} position
   */
  #write(chunk, { descriptor, directDescriptor }, position) {
    let done =
      directDescriptor === undefined ? 0 : this.#writeDirect(chunk, directDescriptor, position)
    while (done < chunk.length)
      done += writeSync(descriptor, chunk, done, chunk.length - done, position + done)
  }

  /**
   * Writes whole blocks that bypass the page cache, as far as the file system allows, and returns how
   * many bytes that were.
   * @param {Uint8Array} chunk
   * @param {number} descriptor
   * @param {number} position
   */
  #writeDirect(chunk, descriptor, position) {
    const end = chunk.length - (chunk.length % directBlockBytes)
    let done = 0
    try {
      while (done < end) done += writeSync(descriptor, chunk, done, end - done, position + done)
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EINVAL') throw error
    }
    return done
  }

  /** @param {string} path */
  #hashOf(path) {
    const known = this.#running.get(path)
    if (known !== undefined) return known
    const running = { descriptor: openSync(path, 'r'), hash: createHash('sha256') }
    this.#running.set(path, running)
    return running
  }
}

/**
 * Fills a chunk from an open file; returns whether that was possible.
 * @param {Uint8Array} chunk
 * @param {import('../chunk-store.ts').ReadFrom} from
 */
function isRead(chunk, { descriptor, position }) {
  try {
    for (let done = 0; done < chunk.length; ) {
      const bytesRead = readSync(descriptor, chunk, done, chunk.length - done, position + done)
      if (bytesRead === 0) return false
      done += bytesRead
    }
    return true
  } catch {
    return false
  }
}
