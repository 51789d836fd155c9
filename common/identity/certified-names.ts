import { isIP } from 'node:net'
import { isLoopback } from '../hosts.ts'
import { limits } from '../limits.ts'
import { outsideAddresses } from '../outside-addresses.ts'

/** The addresses of a host name; none if it cannot be resolved. */
export type ResolveHost = (name: string) => Promise<readonly string[]>

const ofThisMachine = ['localhost', '127.0.0.1', '::1']
const hostPattern = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/

/**
 * The names of a certificate for HTTPS: a member's own address, and of its id and the names that it asks for
 * those that lead to it: in a container network, peers are reached under their ids. A member cannot have the name of another host certified.
 */
export async function certifiedNames(
  { asked, id, host }: { asked: readonly string[]; id: string; host: string },
  resolve: ResolveHost,
  ownAddresses: () => readonly string[] = outsideAddresses,
): Promise<string[]> {
  // A member on the machine of the authority is reached at all addresses of that.
  const addresses = isLoopback(host) ? [host, ...ownAddresses()] : [host]
  const names = new Set([...ofThisMachine, ...addresses.filter((address) => isIP(address) !== 0)])
  const wanted = [id, ...asked].slice(0, limits.certificateNamesMax + 1)
  await Promise.all(
    wanted.map(async (name) => {
      const isHost = isIP(name) === 0 && hostPattern.test(name)
      if (!isHost) return
      const found = await resolve(name)
      if (addresses.some((address) => found.includes(address))) names.add(name)
    }),
  )
  return [...names]
}
