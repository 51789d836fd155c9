/** The requests that the load generator sends. */
import { join } from 'node:path'
import { requestFrame } from '../../../common/protocol/envelope.ts'
import { protocolVersion } from '../../../common/protocol/messages.ts'
import { writeRequests } from './load-generator.ts'
import { drawnFiles } from './names.ts'
import { redisCommand } from './redis-anchor.ts'

const namesMax = 1_000_000
export const hotNames = 1_000

/** Files of requests for {@link generateLoad}. */
export interface Loads {
  readonly names: readonly string[]
  readonly framed: string
  readonly framedHot: string
  readonly redis: string
  readonly redisHot: string
}

/** Writes the same lookups for an index and for Redis, of names drawn evenly from `range`. */
export async function writeLoads(
  folder: string,
  range: { owners: number; files: number },
): Promise<Loads> {
  const names = [...drawnFiles(range, Math.min(namesMax, 2 * range.owners * range.files))]
  const hot = names.slice(0, hotNames)
  const paths = {
    framed: join(folder, 'framed'),
    framedHot: join(folder, 'framed-hot'),
    redis: join(folder, 'redis'),
    redisHot: join(folder, 'redis-hot'),
  }
  const hello = requestFrame(1, 'hello', { protocol: protocolVersion, role: 'client' })
  const lookupOf = (name: string, at: number): Buffer => requestFrame(at + 2, 'lookup', { name })
  const getOf = (name: string): Buffer => redisCommand('GET', name)
  const nothing = Buffer.alloc(0)
  await writeRequests(paths.framed, hello, names.map(lookupOf))
  await writeRequests(paths.framedHot, hello, hot.map(lookupOf))
  await writeRequests(paths.redis, nothing, names.map(getOf))
  await writeRequests(paths.redisHot, nothing, hot.map(getOf))
  return { names, ...paths }
}
