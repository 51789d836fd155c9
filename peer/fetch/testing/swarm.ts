import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { deadlines } from '../../../common/limits.ts'
import { MemoryTransport } from '../../../common/protocol/memory-transport.ts'
import type { Source } from '../../../common/protocol/messages.ts'
import { seededRandom } from '../../../common/random.ts'
import type { TestContent } from '../../../common/testing/contents.ts'
import { FakeClock } from '../../../common/testing/fake-clock.ts'
import {
  type ScriptedSource,
  type SourceScript,
  startScriptedSource,
} from '../../../common/testing/scripted-source.ts'
import { silentLog } from '../../../common/testing/silent-log.ts'
import { temporaryFolder } from '../../../common/testing/temp-folder.ts'
import type { PartialFolderOptions } from '../disk/partial-folder.ts'
import type { UnfinishedContents } from '../disk/unfinished-contents.ts'
import type { Fetched, FetchRequest, FetchRun } from '../fetch-run.ts'
import { Fetcher } from '../fetcher.ts'
import type { LocalChunks } from '../local-chunks.ts'
import { ConnectionPool } from '../source/connection-pool.ts'
import type { CrewDependencies } from '../transfer/source-crew.ts'
import { workAtOnce } from './work-at-once.ts'

/** One fetching peer and its sources. */
export interface Swarm {
  readonly clock: FakeClock
  readonly pool: ConnectionPool
  readonly fetcher: Fetcher
  /** What contents are taken with that go to no file. */
  readonly taking: Omit<CrewDependencies, 'buffers'>
  readonly partialFolder: string
  /** Another fetcher takes the place of this one, as after the end of its process. */
  restart(): Promise<void>
  /** Peers that sent something false. */
  readonly blamed: readonly string[]
  /** Received bytes of contents and chunk lists, good or not. */
  readonly receivedBytes: number
  /** A source of `content` that does as the script says. */
  source(script: SourceScript): Promise<ScriptedSource>
  fetch(
    content: TestContent,
    from: readonly (ScriptedSource | Source)[],
    options?: Partial<FetchRequest> & { onProgress?: (run: FetchRun) => void },
  ): Promise<Fetched>
}

interface SwarmOptions extends Pick<PartialFolderOptions, 'isWanted'> {
  readonly localChunks?: LocalChunks
  readonly unfinished?: UnfinishedContents
}

export async function aSwarm({ isWanted, ...own }: SwarmOptions = {}): Promise<Swarm> {
  const folder = await temporaryFolder()
  onTestFinished(async () => await folder[Symbol.asyncDispose]())
  const partialFolder = join(folder.path, 'partial')
  const blamed: string[] = []
  let receivedBytes = 0
  const dependencies = {
    clock: new FakeClock(),
    random: seededRandom('swarm'),
    transport: new MemoryTransport(),
    log: silentLog,
    onBlamed: ({ peerId }: Source) => void blamed.push(peerId),
    onReceived: (bytes: number) => {
      receivedBytes += bytes
      return undefined
    },
  }
  const pool = new ConnectionPool({ ownPeerId: 'fetcher' }, dependencies)
  onTestFinished(async () => await pool[Symbol.asyncDispose]())
  const open = async (): Promise<Fetcher> => {
    const opened = await Fetcher.open(
      { partialFolder, isWanted },
      { pool, workers: workAtOnce(), ...own, ...dependencies },
    )
    onTestFinished(async () => await opened[Symbol.asyncDispose]())
    return opened
  }
  let fetcher = await open()
  return {
    clock: dependencies.clock,
    pool,
    taking: { ...dependencies, pool },
    get receivedBytes() {
      return receivedBytes
    },
    get fetcher() {
      return fetcher
    },
    restart: async () => {
      fetcher = await open()
    },
    partialFolder,
    blamed,
    source: async (script) => {
      const source = await startScriptedSource(script, dependencies)
      onTestFinished(async () => {
        await dependencies.clock.advance(0)
        await Promise.all([source[Symbol.asyncDispose](), dependencies.clock.advance(60_000)])
      })
      return source
    },
    fetch: ({ content }, from, { onProgress, ...options } = {}) => {
      const run = fetcher.fetch({
        content,
        name: 'file',
        sources: from.map((one) => ('source' in one ? one.source : one)),
        signal: new AbortController().signal,
        onChanged: () => onProgress?.(run),
        ...options,
      })
      return run.fetched
    },
  }
}

export function nowhere(peerId: string): Source {
  return { peerId, host: '127.0.0.1', port: 9, kind: 'shared' }
}

/** Lets time pass, a look at a time and no faster than the disk, until `work` has ended. */
export async function advanceUntil(swarm: Swarm, work: Promise<unknown>): Promise<void> {
  const over = new AbortController()
  const end = (): void => over.abort()
  work.then(end, end)
  while (!over.signal.aborted) {
    await swarm.clock.advance(deadlines.fetchLookMs)
    // Each goes through the thread pool, behind the work that hashes and writes.
    for (let turns = 0; turns < 10; turns += 1) await statfs(swarm.partialFolder)
  }
}
