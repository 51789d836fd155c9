import { readFile } from 'node:fs/promises'
import { systemErrorCode } from '../../common/errors.ts'

/** Unit of CPU time in Linux, on every machine. */
const ticksPerSecond = 100

/**
 * CPU seconds of all threads of a process since its start, including system calls; undefined where
 * there is no /proc.
 */
export async function processorSecondsOf(pid: number): Promise<number | undefined> {
  try {
    return parseProcessorSeconds(await readFile(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/**
 * Parses a line of /proc/PID/stat: `utime` and `stime` are the 14th and 15th fields, behind a name
 * that may contain anything.
 */
export function parseProcessorSeconds(line: string): number {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
