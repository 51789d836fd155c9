import type { TandemProcess } from './tandem-process.ts'

/**
 * The value of one series of a process, such as `tandem_index_peers{state="live"}`, or the sum of
 * all series of a name without labels; 0 if there is none (yet).
 */
export async function readMetric(process: TandemProcess, series: string): Promise<number> {
  const response = await fetch(new URL('/metrics', process.apiUrl))
  const lines = (await response.text()).split('\n')
  const found = lines.filter(
    (line) => line.startsWith(`${series} `) || line.startsWith(`${series}{`),
  )
  return found.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
}
