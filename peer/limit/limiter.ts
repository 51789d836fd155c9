import { join } from 'node:path'
import type { ByteRate } from '../../common/byte-rate.ts'
import type { Cancel, Clock } from '../../common/clock.ts'
import type { Log } from '../../common/log.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import { limitKeys } from '../api/limit-table.ts'
import type { Limits, LimitsChange, LimitValues } from '../api/shapes.ts'
import { readLimitChanges, writeLimitChanges } from './limit-memory.ts'
import {
  type EffectiveLimits,
  type LimitChanges,
  type LimitSettings,
  limitsAt,
  nextChange,
  valuesOf,
} from './limit-schedule.ts'
import { localTimeAt } from './local-time.ts'
import { TrafficGate } from './traffic-gate.ts'
import { noLimits } from './turn.ts'

interface LimiterOptions {
  readonly settings: LimitSettings
  /** Where what is changed by hand is kept between runs. */
  readonly folder: string
}

interface LimiterDependencies {
  readonly clock: Clock
  readonly log: Log
}

const minuteMs = 60_000

/** The limits in force: by settings, schedule, or hand. Whatever keeps to them feels a change at once. */
export class Limiter implements Disposable {
  /** What is sent to other peers passes the one, what comes from them the other. */
  readonly uploads: TrafficGate
  readonly downloads: TrafficGate
  readonly #settings: LimitSettings
  readonly #path: string
  readonly #clock: Clock
  readonly #log: Log
  #byHand: LimitChanges = {}
  #values: LimitValues
  #onDownloadsAtOnce: (count: number) => void = () => {}
  /** Changes are written one after the other. */
  readonly #writes = new SerialQueue()
  #cancelTimer: Cancel = () => {}

  private constructor({ settings, folder }: LimiterOptions, { clock, log }: LimiterDependencies) {
    this.uploads = new TrafficGate(noLimits, { clock })
    this.downloads = new TrafficGate(noLimits, { clock })
    this.#settings = settings
    this.#values = settings.values
    this.#path = join(folder, 'limits.json')
    this.#clock = clock
    this.#log = log
  }

  /** With what earlier runs were told by hand. */
  static async open(options: LimiterOptions, dependencies: LimiterDependencies): Promise<Limiter> {
    const limiter = new Limiter(options, dependencies)
    limiter.#byHand = await readLimitChanges(limiter.#path, dependencies.log)
    limiter.#follow()
    return limiter
  }

  get connections(): number {
    return this.#values.connections
  }

  get downloadsAtOnce(): number {
    return this.#values.downloadsAtOnce
  }

  /** Has `listener` told when the number of downloads that may run at once changes. */
  onDownloadsAtOnce(listener: (count: number) => void): void {
    this.#onDownloadsAtOnce = listener
  }

  get limits(): Limits {
    const nowMs = this.#clock.nowMs()
    const change = nextChange(this.#settings, this.#byHand, nowMs, localTimeAt)
    return { limits: this.#limitsAt(nowMs), ...(change && { nextChange: change }) }
  }

  /**
   * Sets limits by hand, for this run and those after it; null gives one back to settings and schedule.
   * @throws AppError DISK_FULL, DISK_FAILED; nothing is changed then
   */
  async change(change: LimitsChange): Promise<Limits> {
    await this.#writes.run(async () => {
      const merged = { ...this.#byHand, ...change }
      const kept = Object.fromEntries(
        limitKeys.flatMap((key) => ((merged[key] ?? null) === null ? [] : [[key, merged[key]]])),
      ) as LimitChanges
      await writeLimitChanges(this.#path, kept)
      this.#byHand = kept
      this.#apply()
    })
    return this.limits
  }

  [Symbol.dispose](): void {
    this.#cancelTimer()
    this.uploads[Symbol.dispose]()
    this.downloads[Symbol.dispose]()
  }

  #limitsAt(ms: number): EffectiveLimits {
    return limitsAt(this.#settings, this.#byHand, localTimeAt(ms))
  }

  /** With a schedule, looks at the clock each full minute: it may be set, or stand still in a sleeping machine. */
  readonly #follow = (): void => {
    this.#apply()
    if (this.#settings.schedule.length === 0) return
    const delayMs = minuteMs - (this.#clock.nowMs() % minuteMs)
    this.#cancelTimer = this.#clock.after(delayMs, this.#follow)
  }

  #apply(): void {
    const before = this.#values
    const values = valuesOf(this.#limitsAt(this.#clock.nowMs()))
    this.#values = values
    this.uploads.setRates({
      all: numberOf(values.uploadBytesPerSecond),
      replication: numberOf(values.replicationUploadBytesPerSecond),
    })
    this.downloads.setRates({
      all: numberOf(values.downloadBytesPerSecond),
      replication: numberOf(values.replicationDownloadBytesPerSecond),
    })
    if (values.downloadsAtOnce !== before.downloadsAtOnce)
      this.#onDownloadsAtOnce(values.downloadsAtOnce)
    if (limitKeys.some((key) => values[key] !== before[key]))
      this.#log.info({ limits: values }, 'other limits hold')
  }
}

function numberOf(rate: ByteRate): number {
  return rate === 'unlimited' ? Number.POSITIVE_INFINITY : rate
}
