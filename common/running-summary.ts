/** The accumulated state of a series of measurements: constant size, whatever its length. */
export interface Series {
  readonly count: number
  readonly mean: number
  /** Sum of squared distances from the mean. */
  readonly squares: number
  readonly min: number
  readonly max: number
}

export interface SeriesSummary {
  count: number
  mean: number
  /** Sample standard deviation (n - 1). */
  stdev: number
  min: number
  max: number
}

export const emptySeries: Series = { count: 0, mean: 0, squares: 0, min: 0, max: 0 }

/**
 * Adds a value. Numerically stable: B. P. Welford, "Note on a Method for Calculating Corrected Sums
 * of Squares and Products", Technometrics 4 (1962).
 */
export function withValue(series: Series, value: number): Series {
  const count = series.count + 1
  const mean = series.mean + (value - series.mean) / count
  return {
    count,
    mean,
    squares: series.squares + (value - series.mean) * (value - mean),
    min: series.count === 0 ? value : Math.min(series.min, value),
    max: series.count === 0 ? value : Math.max(series.max, value),
  }
}

/** All 0 for an empty series; `stdev` is 0 for a single value. */
export function summaryOf({ count, mean, squares, min, max }: Series): SeriesSummary {
  return { count, mean, stdev: count < 2 ? 0 : Math.sqrt(squares / (count - 1)), min, max }
}
