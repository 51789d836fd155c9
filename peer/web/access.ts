/**
 * Who may call the API. It has no passwords: it trusts whoever can reach its address, which is the
 * machine itself unless someone opens it. What must be kept out are web pages that make the user's
 * browser call it: under a foreign name (DNS rebinding), or from a foreign page.
 */
import { isIP } from 'node:net'
import { AppError } from '../../common/errors.ts'

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
  const name = hostNameOf(host)
  if (!isOwnName(name, allowedHosts))
    throw new AppError('HOST_REFUSED', { host: host.slice(0, 253) })
  if (origin === undefined || readingMethods.has(method)) return
  if (origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    throw new AppError('ORIGIN_REFUSED', { origin: origin.slice(0, 253) })
}

/** The name without port and brackets, in lower case; empty when it is none. */
function hostNameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}

/** An address cannot be made to point elsewhere; a name can, unless it is known to be ours. */
function isOwnName(name: string, allowedHosts: ReadonlySet<string>): boolean {
  return name === 'localhost' || isIP(name) !== 0 || allowedHosts.has(name)
}
