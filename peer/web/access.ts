/**
 * Refuses web pages that make the user's browser call the API: under a foreign host name (DNS rebinding),
 * or from a foreign origin. On loopback, where every program of the machine may call it, this is the only
 * check; gatekeeper.ts has the token.
 */
import { AppError } from '../../common/errors.ts'
import { checkHost } from '../../common/http-host.ts'

/** The parts of a request that access depends on. */
export interface Caller {
  readonly method: string
  /** The Host header. */
  readonly host: string | undefined
  /** The Origin header, which browsers set on all but simple reads. */
  readonly origin: string | undefined
  /** Whether this server speaks HTTPS. */
  readonly isSecure: boolean
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * @param allowedHosts additional host names of this peer, such as its container's; lower case
 * @throws AppError HOST_REFUSED, ORIGIN_REFUSED
 */
export function checkAccess(caller: Caller, allowedHosts: ReadonlySet<string>): void {
  const { method, host = '', origin, isSecure } = caller
  checkHost(host, allowedHosts)
  if (origin === undefined || readingMethods.has(method)) return
  // A page of plain HTTP at the same host was sent by who controls the network. Plain HTTP here may be
  // that of a proxy, whose pages come over HTTPS.
  const schemes = isSecure ? ['https'] : ['http', 'https']
  if (!schemes.some((scheme) => origin.toLowerCase() === `${scheme}://${host.toLowerCase()}`))
    throw new AppError('ORIGIN_REFUSED', { origin: origin.slice(0, 253) })
}
