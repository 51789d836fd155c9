import type { Cancel, Clock } from '../../common/clock.ts'
import { type AppError, reasonOf, toAppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Location } from './folders.ts'

/**
 * A change of the catalog that is valid only while the file's entry is the one it was compared
 * with.
 */
export interface Finding {
  readonly at: Location
  readonly before: Entry | undefined
  apply(catalog: Catalog): void
}

export interface FindingsOptions {
  /** Called with each path whose entry changed while it was compared. */
  onOutdated(path: string): void
  /** Called with each path that the catalog refuses. */
  onRefused(path: string, error: AppError): void
}

type Outcome = 'written' | 'outdated' | AppError

/** Findings within this time are written together; short enough to be unnoticeable. */
const groupMs = 20

/** Writes findings to the catalog in groups. */
export class Findings implements Disposable {
  readonly #catalog: Catalog
  readonly #clock: Clock
  readonly #log: Log
  readonly #options: FindingsOptions
  #waiting: Finding[] = []
  #cancelTimer: Cancel | undefined

  constructor(
    options: FindingsOptions,
    { catalog, clock, log }: { catalog: Catalog; clock: Clock; log: Log },
  ) {
    this.#options = options
    this.#catalog = catalog
    this.#clock = clock
    this.#log = log
  }

  add(finding: Finding): void {
    this.#waiting.push(finding)
    if (this.#waiting.length >= limits.catalogChangesPerTransaction) this.flush()
    else this.#cancelTimer ??= this.#clock.after(groupMs, () => this.flush())
  }

  /** Writes the pending findings. Those that cannot be written are found again by the next scan. */
  flush(): void {
    this.#cancelTimer?.()
    this.#cancelTimer = undefined
    const findings = this.#waiting
    this.#waiting = []
    if (findings.length === 0) return
    for (const [index, outcome] of this.#write(findings).entries()) {
      const path = findings[index]?.at.path
      if (path === undefined) continue
      if (outcome === 'outdated') this.#options.onOutdated(path)
      else if (outcome !== 'written') this.#options.onRefused(path, outcome)
    }
  }

  #write(findings: readonly Finding[]): readonly Outcome[] {
    try {
      return this.#catalog.groupEach(findings, (finding): Outcome => {
        if (this.#catalog.get(finding.at)?.seq !== finding.before?.seq) return 'outdated'
        finding.apply(this.#catalog)
        return 'written'
      })
    } catch (error) {
      const details = { error, reason: reasonOf(error), files: findings.length }
      this.#log.error(details, 'catalog cannot be written')
      const refusal = toAppError(error)
      return findings.map(() => refusal)
    }
  }

  [Symbol.dispose](): void {
    this.flush()
  }
}
