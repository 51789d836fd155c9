import { readFile } from 'node:fs/promises'
import { systemErrorCode } from '../../common/errors.ts'

/** In which Linux counts processor time, on every machine. */
const ticksPerSecond = 100

/**
 * The processor time in seconds that all threads of a process took since its start, their system
 * calls included; undefined where there is no /proc to tell.
 */
export async function processorSecondsOf(pid: number): Promise<number | undefined> {
  try {
    return parseProcessorSeconds(await readFile(`/proc/${pid}/stat`, 'utf8'))
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Of a line as /proc/PID/stat has it: `utime` and `stime` are the 14th and 15th fields, behind a name that may hold anything. */
export function parseProcessorSeconds(line: string): number {
  const fields = line.slice(line.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond
}
