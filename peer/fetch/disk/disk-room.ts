import { stat, statfs } from 'node:fs/promises'
import { diskError } from '../../../common/disk-error.ts'
import { AppError } from '../../../common/errors.ts'
import { SerialQueue } from '../../../common/serial-queue.ts'

/** Room for a content that is being fetched; disposing releases what was not written. */
export interface Reservation extends Disposable {
  /** Called with the number of bytes written since the last call. */
  onWritten(bytes: number): void
}

/**
 * The free room on the disks of folders, reserved before the first byte arrives, so that no room is
 * promised to two fetches. Other processes may still take it.
 */
export class DiskRoom {
  /** By device. */
  readonly #promisedBytes = new Map<number, number>()
  /** One reservation at a time: two that measure the same room would each be promised all of it. */
  readonly #queue = new SerialQueue()

  /** Room on the disk that `folder` is on. @throws AppError DISK_FULL, DISK_FAILED */
  async reserve(folder: string, bytes: number): Promise<Reservation> {
    return await this.#queue.run(() => this.#reserveNow(folder, bytes))
  }

  async #reserveNow(folder: string, bytes: number): Promise<Reservation> {
    const device = await measured(folder, async () => (await stat(folder)).dev)
    // Read before the disk is measured: bytes written meanwhile may not show yet.
    const promisedBytes = this.#promisedBytes.get(device) ?? 0
    const { bavail, bsize } = await measured(folder, () => statfs(folder))
    if (bavail * bsize < promisedBytes + bytes)
      throw new AppError('DISK_FULL', { path: folder, neededBytes: bytes })
    this.#promise(device, bytes)
    let left = bytes
    const release = (count: number): void => {
      this.#promise(device, -Math.min(left, count))
      left -= Math.min(left, count)
    }
    return { onWritten: release, [Symbol.dispose]: () => release(left) }
  }

  #promise(device: number, bytes: number): void {
    const promised = (this.#promisedBytes.get(device) ?? 0) + bytes
    if (promised > 0) this.#promisedBytes.set(device, promised)
    else this.#promisedBytes.delete(device)
  }
}

async function measured<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskError({ action: 'measure the disk of', path: folder, neededBytes: 0 }, error)
  }
}
