import type { AnchorProgram } from './anchor-programs.ts'
import type { Sample } from './comparison.ts'

/** Tandem and its anchors doing the same work. */
export interface Benchmark<Size> {
  readonly name: string
  /** Programs that it measures Tandem against. */
  readonly anchors: readonly AnchorProgram[]
  /** Why it cannot be done here at all, for people; undefined when it can. */
  readonly whyNot?: () => Promise<string | undefined>
  /** Starts all processes that it needs, measures, checks what came, and leaves nothing behind. */
  readonly measure: (size: Size, options: BenchmarkOptions) => Promise<void>
}

/** What a benchmark may take, and where it tells how it goes. */
export interface BenchmarkOptions {
  readonly rounds: number
  /** Anchors that this machine does not have: left out. */
  readonly missing: readonly AnchorProgram[]
  /** Told each measurement. May throw to end the benchmark. */
  readonly onSample: (sample: Sample) => void
}
