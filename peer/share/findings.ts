import type { Cancel, Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Location } from './folders.ts'

/** A change of the catalog that holds only while the file's entry is the one it was compared with. */
export interface Finding {
  readonly at: Location
  readonly before: Entry | undefined
  apply(catalog: Catalog): void
}

/** What is found within this time goes to the catalog together; short enough that nobody waits for it. */
const groupMs = 20

/** Writes findings to the catalog in groups. */
export class Findings implements Disposable {
  readonly #catalog: Catalog
  readonly #clock: Clock
  readonly #log: Log
  readonly #onOutdated: (path: string) => void
  #waiting: Finding[] = []
  #cancelTimer: Cancel | undefined

  /** @param options.onOutdated called with each path whose entry changed while it was compared */
  constructor(
    options: { onOutdated(path: string): void },
    { catalog, clock, log }: { catalog: Catalog; clock: Clock; log: Log },
  ) {
    this.#onOutdated = (path) => options.onOutdated(path)
    this.#catalog = catalog
    this.#clock = clock
    this.#log = log
  }

  add(finding: Finding): void {
    this.#waiting.push(finding)
    if (this.#waiting.length >= limits.catalogChangesPerTransaction) this.flush()
    else this.#cancelTimer ??= this.#clock.after(groupMs, () => this.flush())
  }

  /** Writes what is waiting. What cannot be written is found again by the next scan. */
  flush(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const findings = this.#waiting
    this.#waiting = []
    if (findings.length === 0) return
    const outdated: Finding[] = []
    try {
      this.#catalog.group(() => {
        for (const finding of findings)
          if (this.#catalog.get(finding.at)?.seq === finding.before?.seq)
            finding.apply(this.#catalog)
          else outdated.push(finding)
      })
    } catch (error) {
      const details = { error, reason: reasonOf(error), files: findings.length }
      this.#log.error(details, 'catalog cannot be written')
    }
    for (const { at } of outdated) this.#onOutdated(at.path)
  }

  [Symbol.dispose](): void {
    this.flush()
  }
}
