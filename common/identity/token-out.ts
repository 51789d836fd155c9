import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Address } from '../protocol/transport.ts'
import type { Random } from '../random.ts'
import type { Authority } from './authority.ts'
import type { TokenRole } from './cluster-role.ts'
import { writePrivate } from './identity-files.ts'
import { formatJoinToken, parseJoinToken } from './join-token.ts'

/** A token in a file is valid for this long, and replaced after half of it. */
const validMs = 24 * 3_600_000
/** How often it is looked for one that was revoked. */
const lookMs = 10_000
const retryBackoff = { firstMs: 1_000, maxMs: 300_000 }

/** The files of the tokens: one lets peers join, the other admins. */
const suffixes: readonly (readonly [TokenRole, string])[] = [
  ['peer', ''],
  ['admin', '.admin'],
]

/**
 * Keeps valid join tokens in files, for processes that share a folder with the authority: peers join with
 * the one at `path`, admins with the one at `path.admin`. Runs until the signal is aborted.
 */
export async function keepTokenFile(
  { path, address }: { readonly path: string; readonly address: Address },
  authority: Pick<Authority, 'createToken' | 'digest' | 'isValidFor'>,
  {
    clock,
    random,
    log,
    signal,
  }: {
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly signal: AbortSignal
  },
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      await mkdir(dirname(path), { recursive: true })
      for (const [role, suffix] of suffixes) {
        const file = `${path}${suffix}`
        const kept = parseJoinToken(await readFile(file, 'utf8').catch(() => ''))
        if (kept !== undefined && authority.isValidFor(kept, validMs / 2)) continue
        const secret = authority.createToken({ role, forMs: validMs })
        const token = formatJoinToken({ authority: authority.digest, secret, address })
        await writePrivate(file, `${token}\n`)
      }
      failures = 0
    } catch (error) {
      failures++
      log.warn({ path, reason: reasonOf(error) }, 'a join token cannot be written')
    }
    const waitMs = failures > 0 ? backoffMs(failures, retryBackoff, random) : lookMs
    await clock.sleep(waitMs, signal).catch(() => {})
  }
}
