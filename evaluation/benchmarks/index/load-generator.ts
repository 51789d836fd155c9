import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { pathOf } from '../anchor-programs.ts'
import { runToEnd } from '../outside-process.ts'
import { clientCore, pinnedTo } from './cores.ts'

const run = promisify(execFile)
const source = fileURLToPath(new URL('load-generator.c', import.meta.url))

/** What one run of the generator measured; times are in seconds. */
export interface Load {
  readonly perSecond: number
  /** Mean size of a reply in bytes. */
  readonly replyBytes: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export interface LoadOptions {
  readonly port: number
  readonly connections: number
  /** Requests in flight on each connection. */
  readonly inFlight: number
  readonly seconds: number
  readonly protocol: 'framed' | 'redis'
  /** A file of {@link writeRequests}. */
  readonly requests: string
}

/** Compiles the generator into `folder`. @returns its path */
export async function compileGenerator(folder: string): Promise<string> {
  const path = join(folder, 'load-generator')
  await runToEnd(pathOf('gcc'), ['-O2', '-Wall', '-o', path, source])
  return path
}

/** Writes the requests that each connection sends in turn, after `greeting`. */
export async function writeRequests(
  path: string,
  greeting: Uint8Array,
  requests: Iterable<Uint8Array>,
): Promise<void> {
  const blobs: Uint8Array[] = []
  for (const blob of [greeting, ...requests]) {
    const length = Buffer.alloc(4)
    length.writeUInt32BE(blob.length)
    blobs.push(length, blob)
  }
  await writeFile(path, Buffer.concat(blobs))
}

/** Runs the generator on a core of its own. @throws if a request fails, with the first error */
export async function generateLoad(
  generator: string,
  { port, connections, inFlight, seconds, protocol, requests }: LoadOptions,
): Promise<Load> {
  const words = ['127.0.0.1', port, connections, inFlight, seconds, protocol, requests].map(String)
  const [path, all] = pinnedTo(clientCore, generator, words)
  const { stdout } = await run(path, all, { timeout: 1_000 * (seconds + 60) })
  const raw = JSON.parse(stdout) as Record<
    'replies' | 'bytes' | 'seconds' | 'p50' | 'p99' | 'max',
    number
  >
  return {
    perSecond: raw.replies / raw.seconds,
    replyBytes: raw.bytes / raw.replies,
    p50: raw.p50 / 1e6,
    p99: raw.p99 / 1e6,
    max: raw.max / 1e6,
  }
}
