/** The seconds for which bytes keep a link busy, without the headers of packets: nobody is faster. */
export function linkSeconds(bytes: number, megabitsPerSecond: number): number {
  return (bytes * 8) / (megabitsPerSecond * 1e6)
}
