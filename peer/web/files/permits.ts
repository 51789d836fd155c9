import { AppError, type ErrorDetails } from '../../../common/errors.ts'
import { mayHold } from '../../../common/protocol/host-share.ts'

/** Bounds how much of one kind runs at the same time; hosts share it, so that one gets at most half. */
export class Permits {
  readonly #max: number
  readonly #refusal: ErrorDetails
  readonly #byHost = new Map<string, number>()
  #taken = 0

  /** @param refusal details of BUSY */
  constructor(max: number, refusal: ErrorDetails = {}) {
    this.#max = max
    this.#refusal = refusal
  }

  /** Disposing returns the permit. @throws AppError BUSY if all that the host may have are taken */
  take(host: string): Disposable {
    const hostTaken = this.#byHost.get(host) ?? 0
    if (!mayHold(1, { bytesMax: this.#max, usedBytes: this.#taken, hostBytes: hostTaken }))
      throw new AppError('BUSY', this.#refusal)
    this.#change(host, 1)
    let isReturned = false
    return {
      [Symbol.dispose]: () => {
        if (!isReturned) this.#change(host, -1)
        isReturned = true
      },
    }
  }

  #change(host: string, by: 1 | -1): void {
    this.#taken += by
    const left = (this.#byHost.get(host) ?? 0) + by
    if (left === 0) this.#byHost.delete(host)
    else this.#byHost.set(host, left)
  }
}
