/**
 * A time in milliseconds as the seconds that `utimes` takes: the file then has that millisecond, although
 * most fractions of a second are rounded, some of them down.
 */
export function fileSeconds(modifiedMs: number): number {
  const isWhole = modifiedMs % 1_000 === 0
  return (isWhole ? modifiedMs : modifiedMs + 0.000_5) / 1_000
}
