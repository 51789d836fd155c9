import type { TandemProcess } from './tandem-process.ts'

/**
 * The value of one series of a process, such as `tandem_index_peers{state="live"}`; 0 when the
 * process does not have it (yet).
 */
export async function readMetric(process: TandemProcess, series: string): Promise<number> {
  const response = await fetch(new URL('/metrics', process.apiUrl))
  const lines = (await response.text()).split('\n')
  const line = lines.find((each) => each.startsWith(`${series} `))
  return line === undefined ? 0 : Number(line.slice(series.length + 1))
}
