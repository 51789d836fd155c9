import { AppError } from '../../../common/errors.ts'

/** Bounds how much of one kind runs at the same time. */
export class Permits {
  readonly #max: number
  #taken = 0

  constructor(max: number) {
    this.#max = max
  }

  /** Disposing returns the permit. @throws AppError BUSY if all are taken */
  take(): Disposable {
    if (this.#taken >= this.#max) throw new AppError('BUSY')
    this.#taken += 1
    let isReturned = false
    return {
      [Symbol.dispose]: () => {
        if (!isReturned) this.#taken -= 1
        isReturned = true
      },
    }
  }
}
