// Plain JavaScript, because each thread loads it: the compiler that takes the types away would cost
// every one of them 25 MB.
import { createHash, hash } from 'node:crypto'
import { closeSync, openSync, readSync, writeSync } from 'node:fs'

/** Read at a time: stays in the processor's cache until it is hashed. */
const readBytes = 256 * 1024
/** What the length of a write past the page cache is a multiple of: at least the blocks of any disk. */
const directBlockBytes = 4096

/**
 * What costs processor time in a fetch, done at once and to its end: for a thread that has nothing
 * else to do (chunk-threads.ts).
 */
export class ChunkWork {
  /**
   * The files that are hashed as they grow, by path.
   * @type {Map<string, { descriptor: number, hash: import('node:crypto').Hash }>}
   */
  #running = new Map()
  #buffer = Buffer.alloc(0)

  /**
   * Writes a chunk, and that it is there, if it has its hash; false if it has not.
   * @param {import('./chunk-jobs.ts').UncheckedChunk} unchecked
   * @throws what the disk does
   */
  check({ chunk, sha256, file, position, record }) {
    const isGood = hash('sha256', chunk, 'buffer').equals(sha256)
    if (isGood) this.#write(chunk, file, position)
    if (isGood && record !== undefined)
      writeSync(record.descriptor, record.bytes, 0, record.bytes.length, record.position)
    return isGood
  }

  /**
   * Hashes what comes next of a file.
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
   * The SHA-256, in hex, of what was hashed of a file, which is then forgotten.
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
   * Writes whole blocks past the page cache, as far as the file system lets it, and says how far.
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
