import type { Clock } from '../clock.ts'
import type { ChunkSet } from '../content/chunk-set.ts'
import { chunkCountFor } from '../content/chunks.ts'
import { type BulkSource, bytesSource } from '../protocol/bulk.ts'
import type { ReadOutcome, Source } from '../protocol/messages.ts'
import { noMesh } from '../protocol/no-mesh.ts'
import { startServer } from '../protocol/server.ts'
import type { Transport } from '../protocol/transport.ts'
import { chunkOf, type TestContent } from './contents.ts'
import { noHistory } from './no-history.ts'
import { silentLog } from './silent-log.ts'

/** How a source answers; honestly by default. */
export interface SourceScript {
  readonly peerId: string
  readonly content: TestContent
  readonly chunkList?: () => Buffer
  /** The chunks that it claims to have; all by default. */
  readonly holdings?: () => ChunkSet
  readonly read?: (chunk: number) => BulkSource | Promise<BulkSource>
  /** The chunk that it sends instead of the first one, among the alternatives. */
  readonly prefers?: (or: readonly number[], first: number) => number | undefined
  /** Its outcomes for contents that are read together; the honest ones by default. */
  readonly readMany?: (sha256s: readonly string[]) => readonly (Buffer | ReadOutcome)[]
  /** The peer id that it claims. */
  readonly claimsToBe?: string
}

export interface ScriptedSource extends AsyncDisposable {
  readonly source: Source
  /** The requested chunks, in order. */
  readonly asked: readonly number[]
  /** Number of requests for the chunk list. */
  readonly chunkListsAsked: number
  readonly connectionCount: number
}

/** A peer that follows a script, to test how a fetch reacts. */
export async function startScriptedSource(
  script: SourceScript,
  { transport, clock }: { transport: Transport; clock: Clock },
): Promise<ScriptedSource> {
  const { peerId, content, claimsToBe = peerId } = script
  const { size, chunkRoot } = content.content
  const asked: number[] = []
  let chunkListsAsked = 0
  const server = await startServer(
    { role: 'peer', address: { host: '127.0.0.1', port: 0 }, connectionsMax: 100 },
    {
      transport,
      clock,
      log: silentLog,
      welcome: async () => ({ reply: { peerId: claimsToBe }, session: undefined }),
      handlers: {
        ...noHistory,
        ...noMesh,
        'chunk-list': async () => {
          chunkListsAsked += 1
          const list = script.chunkList?.() ?? content.chunkList
          return { reply: { size, chunkRoot }, bulk: bytesSource(list) }
        },
        chunks: async () => {
          const count = chunkCountFor(size)
          const bitmap = script.holdings?.().toBitmap()
          return { size, count, ...(bitmap !== undefined && { bitmap }) }
        },
        read: async ({ chunk: first, or = [] }) => {
          const other = script.prefers?.(or, first)
          const chunk = other ?? first
          asked.push(chunk)
          const honest = (): BulkSource => bytesSource(chunkOf(content.bytes, chunk))
          const reply = other === undefined ? {} : { chunk: other }
          return { reply, bulk: await (script.read?.(chunk) ?? honest()) }
        },
        'read-many': async ({ sha256s }) => {
          const given = script.readMany?.(sha256s) ?? sha256s.map(() => content.bytes)
          const bytes = Buffer.concat(given.filter((one) => Buffer.isBuffer(one)))
          const contents = given.map((one) => (Buffer.isBuffer(one) ? { size: one.length } : one))
          return { reply: { contents }, bulk: bytesSource(bytes) }
        },
      },
    },
  )
  return {
    source: { peerId, kind: 'shared', ...server.address },
    asked,
    get chunkListsAsked() {
      return chunkListsAsked
    },
    get connectionCount() {
      return server.connectionCount
    },
    [Symbol.asyncDispose]: async () => await server[Symbol.asyncDispose](),
  }
}
