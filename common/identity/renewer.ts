import { backoffMs } from '../backoff.ts'
import type { Clock } from '../clock.ts'
import { reasonOf } from '../errors.ts'
import type { Log } from '../log.ts'
import type { Random } from '../random.ts'
import type { Issued } from './authority.ts'
import type { NodeIdentity } from './node-identity.ts'

/** The longest wait between two looks: clocks are set, and machines sleep. */
const lookMsMax = 3_600_000
const retryBackoff = { firstMs: 5_000, maxMs: 3_600_000 }

/** Asks the authority for a certificate for the key of this process. @throws why it got none */
export type AskForCertificate = (request: string, signal: AbortSignal) => Promise<Issued>

/** How long the certificate need not be renewed yet: two thirds of its time, none after a new authority. */
export function renewalDelayMs(
  { validity, issuer, trust }: Pick<NodeIdentity, 'validity' | 'issuer' | 'trust'>,
  nowMs: number,
): number {
  if (issuer !== trust.issuer) return 0
  const { fromMs, toMs } = validity
  // The clock was ahead when it was issued: other members refuse it.
  if (nowMs < fromMs) return 0
  return Math.max(0, fromMs + ((toMs - fromMs) * 2) / 3 - nowMs)
}

/** Renews the certificate of this process in time, until the signal is aborted. */
export async function keepRenewed(
  identity: NodeIdentity,
  ask: AskForCertificate,
  {
    clock,
    random,
    log,
    signal,
    show = async () => {},
  }: {
    readonly clock: Clock
    readonly random: Random
    readonly log: Log
    readonly signal: AbortSignal
    /** Shows a new certificate to the authority. */
    readonly show?: (signal: AbortSignal) => Promise<void>
  },
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    const delayMs = renewalDelayMs(identity, clock.nowMs())
    if (delayMs > 0) {
      await changedOrAfter(identity, Math.min(delayMs, lookMsMax), { clock, signal })
      continue
    }
    try {
      await renew(identity, ask, signal)
      if (renewalDelayMs(identity, clock.nowMs()) === 0)
        throw new Error('the new one is to be renewed already; compare the clocks of both machines')
      failures = 0
      log.info({ validToMs: identity.validity.toMs }, 'renewed the certificate of this process')
      // If that fails, it is shown with the next connection.
      await show(signal).catch(() => {})
    } catch (error) {
      failures++
      const waitMs = backoffMs(failures, retryBackoff, random)
      const { toMs } = identity.validity
      log.warn({ reason: reasonOf(error), waitMs, toMs }, 'the certificate cannot be renewed yet')
      await clock.sleep(waitMs, signal).catch(() => {})
    }
  }
}

async function renew(
  identity: NodeIdentity,
  ask: AskForCertificate,
  signal: AbortSignal,
): Promise<void> {
  const { makeRequest } = await import('./x509.ts')
  const { key, request } = await makeRequest(identity.self.id, identity.credentials.key)
  const { certificate, trust } = await ask(request, signal)
  await identity.replace({ key, chain: certificate, signedTrust: trust })
}

/** Resolves after the delay, after a change of the identity, or when the signal is aborted. */
async function changedOrAfter(
  identity: NodeIdentity,
  delayMs: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<void> {
  const { promise: changed, resolve } = Promise.withResolvers<void>()
  const cancel = identity.onChange(resolve)
  const waiting = new AbortController()
  const either = AbortSignal.any([signal, waiting.signal])
  try {
    await Promise.race([changed, clock.sleep(delayMs, either).catch(() => {})])
  } finally {
    waiting.abort()
    cancel()
  }
}
