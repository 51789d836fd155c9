import { statfs } from 'node:fs/promises'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'

/** Room for a content that is on its way; disposing gives back what was not written. */
export interface Reservation extends Disposable {
  /** So many bytes of it are on the disk now. */
  onWritten(bytes: number): void
}

/**
 * The room on the disk of a folder, shared out before the first byte comes: what is promised to one
 * fetch is not promised to the next. Other processes may still take it.
 */
export class DiskRoom {
  readonly #folder: string
  #promisedBytes = 0
  /** One question at a time: two that look at the same room would each take it for promised to the other. */
  #turn: Promise<void> = Promise.resolve()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** @throws AppError DISK_FULL, DISK_FAILED */
  async reserve(bytes: number): Promise<Reservation> {
    const reserving = this.#turn.then(() => this.#reserveNow(bytes))
    this.#turn = reserving.then(
      () => {},
      () => {},
    )
    return await reserving
  }

  async #reserveNow(bytes: number): Promise<Reservation> {
    // What was promised when the disk is looked at: what is written meanwhile may not show yet.
    const promisedBytes = this.#promisedBytes
    if ((await this.#freeBytes()) < promisedBytes + bytes)
      throw new AppError('DISK_FULL', { path: this.#folder, neededBytes: bytes })
    this.#promisedBytes += bytes
    let left = bytes
    const giveBack = (count: number): void => {
      this.#promisedBytes -= Math.min(left, count)
      left -= Math.min(left, count)
    }
    return { onWritten: giveBack, [Symbol.dispose]: () => giveBack(left) }
  }

  async #freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await statfs(this.#folder)
      return bavail * bsize
    } catch (error) {
      throw diskError({ action: 'write to', path: this.#folder, neededBytes: 0 }, error)
    }
  }
}
