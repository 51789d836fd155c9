/**
 * Who may call the API. It has no passwords: it trusts whoever can reach its address, which is the
 * machine itself unless someone opens it. What must be kept out are web pages that make the user's
 * browser call it: under a foreign name (DNS rebinding), or from a foreign page.
 */
import { AppError } from '../../common/errors.ts'
import { checkHost } from '../../common/http-host.ts'

/** The parts of a request that decide. */
export interface Caller {
  readonly method: string
  /** The Host header. */
  readonly host: string | undefined
  /** The Origin header, which browsers set for everything but simple reading. */
  readonly origin: string | undefined
}

const readingMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * @param allowedHosts further names of this peer, such as that of its container; in lower case
 * @throws AppError HOST_REFUSED, ORIGIN_REFUSED
 */
export function checkAccess(caller: Caller, allowedHosts: ReadonlySet<string>): void {
  const { method, host = '', origin } = caller
  checkHost(host, allowedHosts)
  if (origin === undefined || readingMethods.has(method)) return
  if (origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    throw new AppError('ORIGIN_REFUSED', { origin: origin.slice(0, 253) })
}
