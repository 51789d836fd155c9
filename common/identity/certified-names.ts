import { isIP } from 'node:net'
import { limits } from '../limits.ts'

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
): Promise<string[]> {
  const names = new Set(ofThisMachine)
  if (isIP(host) !== 0) names.add(host)
  const wanted = [id, ...asked].slice(0, limits.certificateNamesMax + 1)
  await Promise.all(
    wanted.map(async (name) => {
      const isHost = isIP(name) === 0 && hostPattern.test(name)
      if (isHost && (await resolve(name)).includes(host)) names.add(name)
    }),
  )
  return [...names]
}
