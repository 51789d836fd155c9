/** The seconds that a link needs for the bytes, without packet headers: a lower bound. */
export function linkSeconds(bytes: number, megabitsPerSecond: number): number {
  return (bytes * 8) / (megabitsPerSecond * 1e6)
}
