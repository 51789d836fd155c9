import type { AnchorProgram } from './anchor-programs.ts'
import type { Sample } from './comparison.ts'

/** Tandem and its anchors doing the same work. */
export interface Benchmark<Size> {
  readonly name: string
  /** Programs that it compares Tandem with. */
  readonly anchors: readonly AnchorProgram[]
  /** Why it cannot run on this machine; undefined if it can. */
  readonly whyNot?: () => Promise<string | undefined>
  /** Starts all processes, measures, verifies the results, and cleans up. */
  readonly measure: (size: Size, options: BenchmarkOptions) => Promise<void>
}

/** Options of a benchmark, and its progress callback. */
export interface BenchmarkOptions {
  readonly rounds: number
  /** Anchors that are missing on this machine: skipped. */
  readonly missing: readonly AnchorProgram[]
  /** Called for each measurement. May throw to end the benchmark. */
  readonly onSample: (sample: Sample) => void
  /** Aborted when the user interrupts: what waits for something ends with its reason. */
  readonly signal: AbortSignal
}
