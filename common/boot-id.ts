import { readFile } from 'node:fs/promises'
import { type Random, randomId } from './random.ts'

/**
 * An id that is constant until the machine restarts: data written before a restart and not flushed
 * may be lost. Where the system has no such id, it is new for each process.
 */
export async function readBootId(random: Random): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    return randomId(random)
  }
}
