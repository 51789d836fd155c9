/**
 * Under which host names an HTTP server may be called. Web pages can make a user's browser call it under
 * a name of their own that leads to its address (DNS rebinding): only names that are known are answered.
 */
import { isIP } from 'node:net'
import { AppError } from './errors.ts'

/** The names of a setting, separated by commas, in lower case. */
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
  // An address cannot be made to lead elsewhere; a name can, unless it is known to be ours.
  if (name === 'localhost' || isIP(name) !== 0 || allowedHosts.has(name)) return
  throw new AppError('HOST_REFUSED', { host: given.slice(0, 253) })
}

/** The name without port and brackets, in lower case; empty when it is none. */
function hostNameOf(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^\s:[\]/@]+))(?::\d{1,5})?$/i.exec(host)
  return (match?.[1] ?? match?.[2] ?? '').toLowerCase()
}
