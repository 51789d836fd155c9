import type { Clock } from '../../common/clock.ts'
import {
  type ByteRange,
  chunkCountFor,
  chunkRange,
  hashBytes,
} from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import type { BulkSource } from '../../common/protocol/bulk.ts'
import type { Account } from '../../common/protocol/byte-budget.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { Content, Purpose, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import { noMesh } from '../../common/protocol/no-mesh.ts'
import {
  type FileDependencies,
  gated,
  piecesOf,
  type Sending,
  unchangedFile,
} from './file-bytes.ts'
import { moreChunks } from './more-chunks.ts'
import type { ContentChunk } from './send-counts.ts'
import type { ReadableFile, ServedContents, ServedDownloads } from './served-contents.ts'
import type { SmallFiles } from './small-files.ts'
import type { Requester, UploadQueue, WantedChunks } from './upload-queue.ts'

/** A shorter read bypasses the queue: sending it takes no longer than choosing it. */
export const uploadBytesMin = 128 * 1024

interface Served {
  readonly contents: ServedContents
  readonly downloads: ServedDownloads
}

/** What a peer remembers of its transfers and queries. */
export interface ServedHistory {
  transfers(request: RequestOf<'past-transfers'>): ReplyOf<'past-transfers'>
  queries(request: RequestOf<'past-queries'>): ReplyOf<'past-queries'>
}

/** Told what is sent to whom. */
export interface SentObserver {
  onSent(sent: { to: string; sha256: string; size: number; purpose: Purpose }, bytes: number): void
  onSmallSent(
    to: string,
    purpose: Purpose,
    files: readonly { sha256: string; size: number }[],
  ): void
}

/** Answers other members of the mesh. */
export type MeshHandlers = Pick<Handlers<'peer', 'peer', Requester>, keyof typeof noMesh>

export interface ServeDependencies extends Served, FileDependencies {
  /** Absent: the peer keeps none. */
  readonly history?: ServedHistory | undefined
  readonly sent?: SentObserver | undefined
  /** Absent: the peer takes part in no mesh. */
  readonly mesh?: MeshHandlers | undefined
  readonly queue: Pick<UploadQueue, 'enter'>
  readonly smallFiles: Pick<SmallFiles, 'outcomes'>
  readonly clock: Clock
}

/** The requester on a connection, and the account of the memory that its requests hold. */
export interface ServeSession extends Requester {
  readonly account: Account
}

/** The handlers by which a peer serves peers and clients that fetch from it. */
export function serveHandlers(
  dependencies: ServeDependencies,
): Handlers<'peer' | 'client', 'peer', ServeSession> {
  const { queue, history, mesh = noMesh } = dependencies
  return {
    ...mesh,

    'chunk-list': async ({ sha256, for: purpose = 'download' }, { account }, signal) => {
      const { size, chunkRoot } = contentOf(sha256, dependencies)
      if (chunkListOf(sha256, dependencies) === undefined) throw new AppError('CHUNK_MISSING')
      const bytes = chunkCountFor(size) * hashBytes
      const pieces = chunkListPieces(sha256, { purpose, signal, account }, dependencies)
      return { reply: { size, chunkRoot }, bulk: { bytes, pieces } }
    },

    chunks: async ({ sha256, beyond }, _, signal) => {
      if (beyond !== undefined) await moreChunks(sha256, beyond, dependencies, signal)
      return holdingsOf(sha256, dependencies)
    },

    read: async (request, requester, signal) => {
      const { sha256, for: purpose = 'download' } = request
      const { size } = contentOf(sha256, dependencies)
      const wanted = wantedOf(request, size, dependencies)
      using stack = new DisposableStack()
      const slot =
        rangeOf(size, request).bytes >= uploadBytesMin
          ? stack.use(await queue.enter(wanted, requester, signal))
          : request
      const sent = { sha256, chunk: slot.chunk }
      const range = rangeOf(size, sent)
      const filesNow = (): ReadableFile[] => filesWith(sent, dependencies)
      const file = await unchangedFile(sha256, filesNow(), dependencies)
      // Before the bytes leave, the download may move into its place, or a new one of the content begin.
      const { contents } = dependencies
      const files = (): ReadableFile[] =>
        file.stat === undefined ? filesNow() : [file].filter((one) => contents.isServed(one))
      const { account } = requester
      const sending = { purpose, signal, account }
      const pieces = watched(
        piecesOf(sha256, files, range, sending, dependencies),
        { to: requester.id, sha256, size, purpose },
        dependencies,
      )
      const reply = sent.chunk === request.chunk ? {} : { chunk: sent.chunk }
      return { reply, bulk: { bytes: range.bytes, pieces: during(stack.move(), pieces) } }
    },

    'past-transfers': async (request) =>
      history?.transfers(request) ?? { transfers: [], isMore: false },

    'past-queries': async (request) => history?.queries(request) ?? { queries: [], isMore: false },

    'read-many': async ({ sha256s, for: purpose = 'download' }, { id, account }, signal) => {
      const { outcomes, bulk } = await dependencies.smallFiles.outcomes(sha256s, account, signal)
      const pieces = gated(bulk.pieces, { purpose, signal }, dependencies.uploads)
      const sent = outcomes.flatMap((outcome, index) =>
        'size' in outcome ? [{ sha256: sha256s[index] ?? '', size: outcome.size }] : [],
      )
      const onEnd = (): void => dependencies.sent?.onSmallSent(id, purpose, sent)
      return {
        reply: { contents: outcomes },
        bulk: { bytes: bulk.bytes, pieces: endingWith(pieces, onEnd) },
      }
    },
  }
}

/**
 * What a read is queued for: the alternatives are reduced to those that this peer has. A read of a chunk
 * that it lacks fails before it is queued.
 * @throws AppError CONTENT_NOT_FOUND, CHUNK_OUT_OF_RANGE, CHUNK_MISSING
 */
function wantedOf(request: RequestOf<'read'>, size: number, served: Served): WantedChunks {
  const { sha256, chunk, or = [] } = request
  rangeOf(size, request)
  const isWhole = filesWith(request, served).some(({ stat }) => stat !== undefined)
  const others = isWhole ? or : []
  for (const other of others) rangeOf(size, { chunk: other })
  return { sha256, chunk, or: others }
}

/**
 * The files that have this chunk. Only verified chunks of a download are read, even if the files of the
 * catalog turn out to be gone.
 * @throws AppError CHUNK_MISSING
 */
function filesWith({ sha256, chunk }: ContentChunk, served: Served): ReadableFile[] {
  const files: ReadableFile[] = [...served.contents.find(sha256)]
  const download = served.downloads.find(sha256)
  if (download === undefined) return files
  if (download.verified.has(chunk)) files.push(download.file)
  else if (files.length === 0) throw new AppError('CHUNK_MISSING')
  return files
}

/** @throws AppError CONTENT_NOT_FOUND */
function contentOf(sha256: string, { contents, downloads }: Served): Content {
  const file = contents.first(sha256) ?? downloads.find(sha256)?.file
  if (file === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  return file.content
}

function holdingsOf(sha256: string, served: Served): ReplyOf<'chunks'> {
  const { size } = contentOf(sha256, served)
  const whole = { size, count: chunkCountFor(size) }
  const download = served.downloads.find(sha256)
  const isWhole = download === undefined || served.contents.first(sha256) !== undefined
  return isWhole ? whole : { ...whole, bitmap: download.verified.toBitmap() }
}

function chunkListOf(sha256: string, { contents, downloads }: Served): Uint8Array | undefined {
  return contents.chunkList(sha256) ?? downloads.find(sha256)?.chunkList
}

/** Reads the list when it is sent, so that queued replies hold no list. */
async function* chunkListPieces(
  sha256: string,
  sending: Sending,
  { uploads, ...served }: ServeDependencies,
): AsyncGenerator<Uint8Array> {
  const chunkList = chunkListOf(sha256, served)
  if (chunkList === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  sending.account.hold(chunkList.length)
  try {
    yield* gated([chunkList], sending, uploads)
  } finally {
    sending.account.release(chunkList.length)
  }
}

/** @throws AppError CHUNK_OUT_OF_RANGE */
function rangeOf(size: number, { chunk }: Pick<ContentChunk, 'chunk'>): ByteRange {
  const chunks = chunkCountFor(size)
  if (chunk >= chunks) throw new AppError('CHUNK_OUT_OF_RANGE', { chunks, chunk })
  return chunkRange(size, chunk)
}

/** The pieces, reported as they leave. */
async function* watched(
  pieces: BulkSource['pieces'],
  what: Parameters<SentObserver['onSent']>[0],
  { sent }: ServeDependencies,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    sent?.onSent(what, piece.length)
    yield piece
  }
}

/** The pieces; `onEnd` is called when the last has left. */
async function* endingWith(
  pieces: BulkSource['pieces'],
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  yield* pieces
  onEnd()
}

/** The pieces; their slot is released when the last has left. */
async function* during(slot: Disposable, pieces: BulkSource['pieces']): AsyncGenerator<Uint8Array> {
  using _ = slot
  yield* pieces
}
