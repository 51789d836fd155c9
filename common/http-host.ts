/**
 * The host names by which an HTTP server may be called. A web page can make a user's browser call
 * the server under the page's own name (DNS rebinding): only known names are answered.
 */
import { isIP } from 'node:net'
import { AppError } from './errors.ts'

/** The names of a comma-separated setting, in lower case. */
export function hostNamesOf(setting: string): string[] {
  const names = setting.split(',').map((name) => name.trim().toLowerCase())
  return names.filter((name) => name !== '')
}

/**
 * @param host the Host header
 * @param allowedHosts names besides localhost and addresses, in lower case
 * @throws AppError HOST_REFUSED
 */
export function checkHost(host: string | undefined, allowedHosts: ReadonlySet<string>): void {
  const given = host ?? ''
  const name = hostNameOf(given)
  // An address cannot be rebound; an unknown name can.
  if (name === 'localhost' || isIP(name) !== 0 || allowedHosts.has(name)) return
  throw new AppError('HOST_REFUSED', { host: given.slice(0, 253) })
}

/** The name without port and brackets, in lower case; empty if invalid. */
function hostNameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}
