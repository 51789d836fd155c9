import { isIP } from 'node:net'

const label = /^[\p{L}\p{N}_]([\p{L}\p{N}_-]{0,61}[\p{L}\p{N}_])?$/u
/** Addresses that mean "all interfaces": valid for listening, not for connecting. */
const unspecified: readonly string[] = ['0.0.0.0', '::', '0:0:0:0:0:0:0:0']

/** The host in `text`, without the brackets around an IPv6 address. */
export function normalHost(text: string): string {
  const inner = /^\[(.*)\]$/.exec(text)?.[1]
  return inner !== undefined && isIP(withoutZone(inner)) === 6 ? inner : text
}

/** Why `host` is not a host name or address, as the end of a sentence; undefined if it is one. */
export function hostProblem(host: string): string | undefined {
  if (host === '') return 'must be a host name or an IP address, not empty'
  if (isIP(withoutZone(host)) !== 0) return undefined
  if (host === '*')
    return "must be a host name or an IP address, not '*'; all addresses are 0.0.0.0"
  if (host.includes('://')) return `must be a host name or an IP address, not the URL '${host}'`
  if (/^(\[.*\]|[^:]+):\d+$/.test(host))
    return `must be a host without a port, not '${host}'; the port is a separate setting`
  const labels = host.replace(/\.$/, '').split('.')
  const isName = labels.every((part) => label.test(part)) && !/^\d+$/.test(labels.at(-1) ?? '')
  return isName ? undefined : `must be a host name or an IP address, not '${host}'`
}

/** Whether only this machine can connect to `host`, without brackets. */
export function isLoopback(host: string): boolean {
  const address = withoutZone(host.toLowerCase())
  if (address === 'localhost' || address === '::1' || address === '0:0:0:0:0:0:0:1') return true
  return /^(::ffff:)?127\.\d+\.\d+\.\d+$/.test(address) && isIP(address) !== 0
}

/** Whether a server on `host`, without brackets, listens on all addresses of its machine. */
export function isWildcard(host: string): boolean {
  return unspecified.includes(host)
}

/** Why other machines cannot connect to `host`, in the same form; undefined if they can. */
export function reachedHostProblem(host: string): string | undefined {
  if (isWildcard(host))
    return `must be an address that others can reach, not '${host}', which means all of this machine`
  return hostProblem(host)
}

function withoutZone(host: string): string {
  return host.replace(/%[\w.-]+$/, '')
}
