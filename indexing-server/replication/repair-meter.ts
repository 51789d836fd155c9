import type { Clock } from '../../common/clock.ts'

/** The speed is the mean over this long, or since the first copy of it. */
const windowSeconds = 30

interface Second {
  readonly second: number
  files: number
  bytes: number
}

/** Counts copies as they are reported: totals, failures by error class, and the current speed. */
export class RepairMeter {
  readonly #clock: Pick<Clock, 'monotonicMs'>
  readonly #failures = new Map<string, number>()
  /** The last seconds with copies, oldest first. */
  #recent: Second[] = []
  #files = 0
  #bytes = 0

  constructor({ clock }: { clock: Pick<Clock, 'monotonicMs'> }) {
    this.#clock = clock
  }

  get totals(): { readonly files: number; readonly bytes: number } {
    return { files: this.#files, bytes: this.#bytes }
  }

  /** Failed tasks by error code. */
  get failures(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#failures)
  }

  get speed(): { readonly filesPerSecond: number; readonly bytesPerSecond: number } {
    const nowSeconds = this.#clock.monotonicMs() / 1_000
    this.#forget(nowSeconds)
    const [first] = this.#recent
    if (first === undefined) return { filesPerSecond: 0, bytesPerSecond: 0 }
    const seconds = Math.max(1, nowSeconds - first.second)
    const sumOf = (of: 'files' | 'bytes'): number =>
      this.#recent.reduce((sum, each) => sum + each[of], 0)
    return { filesPerSecond: sumOf('files') / seconds, bytesPerSecond: sumOf('bytes') / seconds }
  }

  onCopied(bytes: number): void {
    this.#files++
    this.#bytes += bytes
    const nowSeconds = this.#clock.monotonicMs() / 1_000
    const second = Math.floor(nowSeconds)
    const last = this.#recent.at(-1)
    if (last?.second === second) {
      last.files++
      last.bytes += bytes
      return
    }
    this.#forget(nowSeconds)
    this.#recent.push({ second, files: 1, bytes })
  }

  onFailed(code: string): void {
    this.#failures.set(code, (this.#failures.get(code) ?? 0) + 1)
  }

  #forget(nowSeconds: number): void {
    this.#recent = this.#recent.filter(({ second }) => second > nowSeconds - windowSeconds)
  }
}
