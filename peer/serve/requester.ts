/** Whoever asks on one connection. Disposed when the connection has ended. */
export class Requester implements Disposable {
  /** The same for all connections of one peer. */
  readonly id: string
  readonly #held = new Set<() => void>()

  constructor(id: string) {
    this.id = id
  }

  /** Something of which `giveBack` is called once: when it is disposed, or with this requester. */
  holding(giveBack: () => void): Disposable {
    const giveBackOnce = (): void => {
      if (this.#held.delete(giveBackOnce)) giveBack()
    }
    this.#held.add(giveBackOnce)
    return { [Symbol.dispose]: giveBackOnce }
  }

  [Symbol.dispose](): void {
    for (const giveBack of this.#held) giveBack()
  }
}
