import { join } from 'node:path'
import type { ByteRate } from '../../common/byte-rate.ts'
import type { ByteLimit } from '../../common/byte-size.ts'
import type { Cancel, Clock } from '../../common/clock.ts'
import { JsonFile } from '../../common/json-file.ts'
import type { Log } from '../../common/log.ts'
import { SerialQueue } from '../../common/serial-queue.ts'
import type { Limits, LimitsChange, LimitValues } from '../api/limit-shapes.ts'
import { limitKeys } from '../api/limit-table.ts'
import { noLimits } from './grant.ts'
import { RememberedLimits } from './limit-memory.ts'
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

interface LimiterOptions {
  readonly settings: LimitSettings
  /** Stores manual changes between runs. */
  readonly folder: string
}

interface LimiterDependencies {
  readonly clock: Clock
  readonly log: Log
}

const minuteMs = 60_000

/** The limits in force: from settings, schedule or manual changes. A change takes effect immediately. */
export class Limiter implements Disposable {
  /** Gate of the bytes sent to other peers, and of those received from them. */
  readonly uploads: TrafficGate
  readonly downloads: TrafficGate
  readonly #settings: LimitSettings
  readonly #file: JsonFile<typeof RememberedLimits>
  readonly #clock: Clock
  readonly #log: Log
  #manual: LimitChanges = {}
  #values: LimitValues
  #onDownloadsAtOnce: (count: number) => void = () => {}
  #onCapacity: () => void = () => {}
  /** Changes are written one after the other. */
  readonly #writes = new SerialQueue()
  #cancelTimer: Cancel = () => {}

  private constructor({ settings, folder }: LimiterOptions, { clock, log }: LimiterDependencies) {
    this.uploads = new TrafficGate(noLimits, { clock })
    this.downloads = new TrafficGate(noLimits, { clock })
    this.#settings = settings
    this.#values = settings.values
    const path = join(folder, 'limits.json')
    this.#file = new JsonFile({ path, schema: RememberedLimits }, { log })
    this.#clock = clock
    this.#log = log
  }

  /** Opens with the manual changes of earlier runs. */
  static async open(options: LimiterOptions, dependencies: LimiterDependencies): Promise<Limiter> {
    const limiter = new Limiter(options, dependencies)
    limiter.#manual = ((await limiter.#file.read()) ?? {}) as LimitChanges
    limiter.#follow()
    return limiter
  }

  get connections(): number {
    return this.#values.connections
  }

  /** Of reading copies again; may be infinite. */
  get scrubBytesPerSecond(): number {
    return numberOf(this.#values.scrubBytesPerSecond)
  }

  /** The most bytes of replicas that the peer keeps; may be infinite. */
  get capacityBytes(): number {
    return numberOf(this.#values.capacityBytes)
  }

  get downloadsAtOnce(): number {
    return this.#values.downloadsAtOnce
  }

  /** Calls `listener` when the maximum number of concurrent downloads changes. */
  onDownloadsAtOnce(listener: (count: number) => void): void {
    this.#onDownloadsAtOnce = listener
  }

  /** Calls `listener` when {@link capacityBytes} changes. */
  onCapacity(listener: () => void): void {
    this.#onCapacity = listener
  }

  get limits(): Limits {
    const nowMs = this.#clock.nowMs()
    const change = nextChange(this.#settings, this.#manual, nowMs, localTimeAt)
    return { limits: this.#limitsAt(nowMs), ...(change && { nextChange: change }) }
  }

  /**
   * Sets limits manually, for this run and later ones; null resets one to settings and schedule.
   * @throws AppError DISK_FULL, DISK_FAILED; nothing is changed then
   */
  async change(change: LimitsChange): Promise<Limits> {
    await this.#writes.run(async () => {
      const merged = { ...this.#manual, ...change }
      const kept = Object.fromEntries(
        limitKeys.flatMap((key) => ((merged[key] ?? null) === null ? [] : [[key, merged[key]]])),
      ) as LimitChanges
      await this.#file.write(kept)
      this.#manual = kept
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
    return limitsAt(this.#settings, this.#manual, localTimeAt(ms))
  }

  /** With a schedule, checks the clock each full minute: it may be changed, or stop while the machine sleeps. */
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
    if (values.capacityBytes !== before.capacityBytes) this.#onCapacity()
    if (limitKeys.some((key) => values[key] !== before[key]))
      this.#log.info({ limits: values }, 'limits changed')
  }
}

function numberOf(limit: ByteRate | ByteLimit): number {
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : limit
}
