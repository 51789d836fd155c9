import { limits } from '../../common/limits.ts'
import type { Log } from '../../common/log.ts'
import {
  type Fault,
  faultEffect,
  faultReason,
  type ProblemCode,
  type ProblemCounts,
} from '../problem-table.ts'

/** A file or folder that is not shared. */
export interface Problem {
  /** Absolute; bytes that are not UTF-8 show as `\xNN`. */
  readonly path: string
  readonly code: ProblemCode
  /** Why, without a full stop. */
  readonly reason: string
}

/**
 * Files and folders that cannot be shared, as found by scans and comparisons. A problem stays until
 * its file is found to be valid, or a full scan has not found it again. It is logged once while it
 * stays.
 */
export class Problems {
  readonly #log: Log
  readonly #known = new Map<string, Problem & { readonly scan: number }>()
  #scan = 0
  /** The number of problems beyond the limit, in the current or last scan and in the one before. */
  #unlisted = new Map<ProblemCode, number>()
  #unlistedBefore: ProblemCounts = new Map()

  constructor({ log }: { log: Log }) {
    this.#log = log
  }

  add(path: string, fault: Fault): void {
    const { code } = fault
    const reason = faultReason(fault)
    const isNew = this.#known.get(path)?.reason !== reason
    // A folder full of invalid names must not fill memory and log.
    if (!this.#known.has(path) && this.#known.size >= limits.fileProblemsMax) {
      this.#unlisted.set(code, (this.#unlisted.get(code) ?? 0) + 1)
      return
    }
    this.#known.set(path, { path, code, reason, scan: this.#scan })
    if (isNew) this.#log.warn({ path, code, reason }, `file ${faultEffect(code)}`)
  }

  get isEmpty(): boolean {
    return this.#known.size === 0
  }

  /** The file at `path` is valid, or gone. */
  clear(path: string): void {
    this.#known.delete(path)
  }

  /** A full scan begins. */
  beginScan(): void {
    this.#scan++
    this.#unlistedBefore = this.#unlisted
    this.#unlisted = new Map()
  }

  /** Problems that were not found again since `beginScan` are removed. */
  endScan(): void {
    for (const [path, { scan }] of this.#known) if (scan < this.#scan) this.#known.delete(path)
    this.#unlistedBefore = new Map()
  }

  /** At most `limits.fileProblemsMax`. */
  list(): Problem[] {
    return Array.from(this.#known.values(), ({ path, code, reason }) => ({ path, code, reason }))
  }

  /** The number of problems of each code, including unlisted ones. */
  get counts(): ProblemCounts {
    const counts = new Map<ProblemCode, number>()
    const count = (code: ProblemCode, more: number): void =>
      void counts.set(code, (counts.get(code) ?? 0) + more)
    for (const { code } of this.#known.values()) count(code, 1)
    for (const code of new Set([...this.#unlisted.keys(), ...this.#unlistedBefore.keys()]))
      count(code, Math.max(this.#unlisted.get(code) ?? 0, this.#unlistedBefore.get(code) ?? 0))
    return counts
  }
}
