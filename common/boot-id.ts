import { readFile } from 'node:fs/promises'
import { type Random, randomId } from './random.ts'

/**
 * Something that stays the same until the machine restarts: what was written before then, and not
 * flushed, may be gone after it. Where the system tells nothing of the kind it is new each time.
 */
export async function readBootId(random: Random): Promise<string> {
  try {
    return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim()
  } catch {
    return randomId(random)
  }
}
