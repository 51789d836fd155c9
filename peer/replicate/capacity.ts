import { AppError } from '../../common/errors.ts'

/**
 * What this peer gives to the cluster. Checked immediately before a replica is fetched: the index
 * knows what the peer holds only from its announcements.
 */
export class Capacity {
  readonly #capacityBytes: () => number
  readonly #replicaBytes: () => number
  /** Of replicas that are being made. */
  #reservedBytes = 0

  /**
   * @param dependencies.capacityBytes the most bytes of replicas; may be infinite, and change
   * @param dependencies.replicaBytes the bytes of the replicas that the peer has
   */
  constructor({
    capacityBytes,
    replicaBytes,
  }: {
    readonly capacityBytes: () => number
    readonly replicaBytes: () => number
  }) {
    this.#capacityBytes = capacityBytes
    this.#replicaBytes = replicaBytes
  }

  /** Reserves room for a replica until it is disposed. @throws AppError CAPACITY_FULL */
  reserve(bytes: number): Disposable {
    const capacityBytes = this.#capacityBytes()
    const leftBytes = capacityBytes - this.#replicaBytes() - this.#reservedBytes
    if (bytes > 0 && bytes > leftBytes)
      throw new AppError('CAPACITY_FULL', { capacityBytes, neededBytes: bytes })
    this.#reservedBytes += bytes
    return { [Symbol.dispose]: () => (this.#reservedBytes -= bytes) }
  }
}
