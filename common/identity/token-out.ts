import { mkdir, readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import { type Address, formatAddress } from '../protocol/transport.ts'
import type { Random } from '../random.ts'
import type { Authority } from './authority.ts'
import type { TokenRole } from './cluster-role.ts'
import { removeUnfinished, writePrivate } from './identity-files.ts'
import { formatJoinToken, parseJoinToken } from './join-token.ts'

/** A token in a file is valid for this long, and replaced after half of it. */
const validMs = 24 * 3_600_000
/** How often it is looked for one that was revoked. */
const lookMs = 10_000
const retryBackoff = { firstMs: 1_000, maxMs: 300_000 }

/** A file with a join token. */
export interface TokenFile {
  readonly path: string
  /** Whom the token lets in. */
  readonly role: TokenRole
  /** Where the authority is reached. */
  readonly address: Address
}

/**
 * Keeps a valid join token in a file, for processes that share its folder with the authority. Runs until
 * the signal is aborted.
 */
export async function keepTokenFile(
  { path, role, address }: TokenFile,
  authority: Pick<Authority, 'digest' | 'tokens'>,
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
  await removeUnfinished(dirname(path), clock.nowMs())
  /** Made, and not written yet: tokens that no process has would take the place of others. */
  let unwritten: string | undefined
  for (let failures = 0; !signal.aborted; ) {
    try {
      await mkdir(dirname(path), { recursive: true })
      const kept = parseJoinToken(await readFile(path, 'utf8').catch(() => ''))
      const leadsHere =
        kept?.authority === authority.digest &&
        formatAddress(kept.address) === formatAddress(address)
      if (!leadsHere || !authority.tokens.isValidFor(kept.secret, validMs / 2)) {
        if (unwritten === undefined || !authority.tokens.isValidFor(unwritten, validMs / 2))
          unwritten = authority.tokens.create({ role, forMs: validMs })
        const made = { authority: authority.digest, secret: unwritten, address }
        await writePrivate(path, `${formatJoinToken(made)}\n`)
        unwritten = undefined
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
