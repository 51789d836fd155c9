import { BackgroundWork } from '../../common/background.ts'
import type { Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import type { Purpose } from '../../common/protocol/messages.ts'

/** Interval of measuring, and the time over which rates are averaged. */
const loadEveryMs = 2_000
/** Others are told between heartbeats if a rate has changed by this factor, or begins or ends. */
const newsFactor = 1.5

type Passed = Readonly<Record<Purpose, number>>

/** Content bytes per second, sent to and received from other peers. */
export interface Load {
  readonly uploadBytesPerSecond: number
  readonly downloadBytesPerSecond: number
}

/** What is measured: bytes passed since the start. */
export interface Measured {
  readonly uploads: { readonly passedBytes: Passed }
  readonly downloads: { readonly passedBytes: Passed }
}

interface LoadDependencies extends Measured {
  /** Called when the load has changed much since others were told. */
  readonly onNews: () => void
  readonly clock: Clock
  readonly log: Log
}

/** Measures how busy a peer is. */
export class TrafficLoad implements AsyncDisposable {
  readonly #dependencies: LoadDependencies
  readonly #background: BackgroundWork
  #load: Load = { uploadBytesPerSecond: 0, downloadBytesPerSecond: 0 }
  #told = this.#load
  #before: { readonly atMs: number; readonly sent: number; readonly received: number }

  constructor(dependencies: LoadDependencies) {
    this.#dependencies = dependencies
    this.#before = this.#totals()
    this.#background = new BackgroundWork(dependencies)
    this.#background.start('measure the load', (signal) => this.#measure(signal))
  }

  get now(): Load {
    return this.#load
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#background[Symbol.asyncDispose]()
  }

  async #measure(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#dependencies.clock.sleep(loadEveryMs, signal)
      const totals = this.#totals()
      const perSecond = (bytes: number): number =>
        Math.round((1_000 * bytes) / Math.max(1, totals.atMs - this.#before.atMs))
      this.#load = {
        uploadBytesPerSecond: perSecond(totals.sent - this.#before.sent),
        downloadBytesPerSecond: perSecond(totals.received - this.#before.received),
      }
      this.#before = totals
      if (!isNews(this.#told, this.#load)) continue
      this.#told = this.#load
      this.#dependencies.onNews()
    }
  }

  #totals(): { atMs: number; sent: number; received: number } {
    const { clock, uploads, downloads } = this.#dependencies
    const sumOf = ({ download, replication }: Passed): number => download + replication
    return {
      atMs: clock.monotonicMs(),
      sent: sumOf(uploads.passedBytes),
      received: sumOf(downloads.passedBytes),
    }
  }
}

/** Whether a rate begins, ends, or differs much. */
export function isNews(told: Load, now: Load): boolean {
  const differs = (one: number, other: number): boolean =>
    Math.max(one, other) > newsFactor * Math.min(one, other)
  return (
    differs(told.uploadBytesPerSecond, now.uploadBytesPerSecond) ||
    differs(told.downloadBytesPerSecond, now.downloadBytesPerSecond)
  )
}
