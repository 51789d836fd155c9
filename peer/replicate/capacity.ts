import { AppError } from '../../common/errors.ts'

/**
 * What this peer gives to the cluster. Checked immediately before a replica is fetched: the index
 * knows what the peer holds only from its announcements.
 */
export class Capacity {
  readonly #capacityBytes: number
  readonly #replicaBytes: () => number
  /** Of replicas that are being made. */
  #reservedBytes = 0

  /**
   * @param options.capacityBytes the most bytes of replicas; 0 for as many as the disk holds
   * @param dependencies.replicaBytes the bytes of the replicas that the peer has
   */
  constructor(
    { capacityBytes }: { readonly capacityBytes: number },
    { replicaBytes }: { readonly replicaBytes: () => number },
  ) {
    this.#capacityBytes = capacityBytes
    this.#replicaBytes = replicaBytes
  }

  /** Reserves room for a replica until it is disposed. @throws AppError CAPACITY_FULL */
  reserve(bytes: number): Disposable {
    if (this.#capacityBytes > 0 && bytes > 0) {
      const leftBytes = this.#capacityBytes - this.#replicaBytes() - this.#reservedBytes
      if (bytes > leftBytes) {
        const details = { capacityBytes: this.#capacityBytes, neededBytes: bytes }
        throw new AppError('CAPACITY_FULL', details)
      }
    }
    this.#reservedBytes += bytes
    return { [Symbol.dispose]: () => (this.#reservedBytes -= bytes) }
  }
}
