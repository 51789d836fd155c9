import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { ProcessHost } from './process-host.ts'

const run = promisify(execFile)

/** The capabilities with which root bypasses file permissions. */
const dropped = '-dac_override,-dac_read_search'
const words = ['setpriv', `--bounding-set=${dropped}`, `--inh-caps=${dropped}`]

/**
 * This machine, for processes that file permissions apply to even if root starts them. Undefined if
 * the capabilities cannot be dropped, as without `setpriv` (util-linux).
 */
export async function withoutOverride(): Promise<ProcessHost | undefined> {
  const isRoot = process.getuid?.() === 0
  const prefix = isRoot ? words : []
  const [first, ...rest] = [...prefix, 'true'] as const
  try {
    await run(first, rest)
  } catch {
    return undefined
  }
  if (process.getuid === undefined) return undefined
  return {
    address: '127.0.0.1',
    prefix,
    openDoor: async () => ({ [Symbol.asyncDispose]: async () => {} }),
  }
}
