import type { Clock } from '../../common/clock.ts'
import {
  type ByteRange,
  chunkCountFor,
  chunkRange,
  hashBytes,
} from '../../common/content/chunks.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { BulkSource } from '../../common/protocol/bulk.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { Content, ReplyOf, RequestOf } from '../../common/protocol/messages.ts'
import {
  type FileDependencies,
  gated,
  piecesOf,
  type Sending,
  unchangedFile,
} from './file-bytes.ts'
import { moreChunks } from './more-chunks.ts'
import type { ReadableFile, ServedContents, ServedDownloads } from './served-contents.ts'
import type { SmallFiles } from './small-files.ts'
import type { UploadLine } from './upload-line.ts'

interface Served {
  readonly contents: ServedContents
  readonly downloads: ServedDownloads
}

export interface ServeDependencies extends Served, FileDependencies {
  readonly line: Pick<UploadLine, 'enter'>
  readonly smallFiles: Pick<SmallFiles, 'outcomes'>
  readonly clock: Clock
}

/** How a peer answers others that fetch from it; a session is who asks, the same for all connections of one peer. */
export function serveHandlers(
  dependencies: ServeDependencies,
): Handlers<'peer' | 'client', 'peer', string> {
  const { line } = dependencies
  return {
    'chunk-list': async ({ sha256, for: purpose = 'download' }, _, signal) => {
      const { size, chunkRoot } = contentOf(sha256, dependencies)
      if (chunkListOf(sha256, dependencies) === undefined) throw new AppError('CHUNK_MISSING')
      const bytes = chunkCountFor(size) * hashBytes
      const pieces = chunkListPieces(sha256, { purpose, signal }, dependencies)
      return { reply: { size, chunkRoot }, bulk: { bytes, pieces } }
    },

    chunks: async ({ sha256, beyond }, _, signal) => {
      if (beyond !== undefined) await moreChunks(sha256, beyond, dependencies, signal)
      return holdingsOf(sha256, dependencies)
    },

    read: async (wanted, requester, signal) => {
      const { sha256, for: purpose = 'download' } = wanted
      const range = rangeOf(wanted, dependencies)
      using turn = new DisposableStack()
      if (range.bytes >= limits.uploadBytesMin)
        turn.use(await line.enter(wanted, requester, signal))
      const file = await unchangedFile(sha256, filesOf(sha256, dependencies), dependencies)
      const pieces = during(turn.move(), piecesOf(file, range, { purpose, signal }, dependencies))
      return { reply: {}, bulk: { bytes: range.bytes, pieces } }
    },

    'read-many': async ({ sha256s, for: purpose = 'download' }, _, signal) => {
      const { outcomes, bulk } = await dependencies.smallFiles.outcomes(sha256s)
      const pieces = gated(bulk.pieces, { purpose, signal }, dependencies.uploads)
      return { reply: { contents: outcomes }, bulk: { bytes: bulk.bytes, pieces } }
    },
  }
}

/** All files with a content: those of the catalog, and the one that is being downloaded. */
function filesOf(sha256: string, { contents, downloads }: Served): ReadableFile[] {
  const download = downloads.find(sha256)
  const files = contents.find(sha256)
  return download === undefined ? [...files] : [...files, download.file]
}

/** @throws AppError CONTENT_NOT_FOUND */
function contentOf(sha256: string, served: Served): Content {
  const [file] = filesOf(sha256, served)
  if (file === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  return file.content
}

function holdingsOf(sha256: string, served: Served): ReplyOf<'chunks'> {
  const { size } = contentOf(sha256, served)
  const whole = { size, count: chunkCountFor(size) }
  const download = served.downloads.find(sha256)
  const isWhole = download === undefined || served.contents.find(sha256).length > 0
  return isWhole ? whole : { ...whole, bitmap: download.verified.toBitmap() }
}

function chunkListOf(sha256: string, { contents, downloads }: Served): Uint8Array | undefined {
  return contents.chunkList(sha256) ?? downloads.find(sha256)?.chunkList
}

/** Read when it is sent, so that replies which wait in line hold no list. */
async function* chunkListPieces(
  sha256: string,
  sending: Sending,
  { uploads, ...served }: ServeDependencies,
): AsyncGenerator<Uint8Array> {
  const chunkList = chunkListOf(sha256, served)
  if (chunkList === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  yield* gated([chunkList], sending, uploads)
}

/** @throws AppError CONTENT_NOT_FOUND, CHUNK_OUT_OF_RANGE, CHUNK_MISSING */
function rangeOf({ sha256, chunk, count }: RequestOf<'read'>, served: Served): ByteRange {
  const { size } = contentOf(sha256, served)
  const chunks = chunkCountFor(size)
  const last = chunk + count - 1
  if (last >= chunks) throw new AppError('CHUNK_OUT_OF_RANGE', { chunks, chunk: last })
  const download = served.downloads.find(sha256)
  if (download !== undefined && served.contents.find(sha256).length === 0)
    for (let each = chunk; each <= last; each += 1)
      if (!download.verified.has(each)) throw new AppError('CHUNK_MISSING')
  return chunkRange(size, chunk, count)
}

/** The pieces; when they have left, it is the turn of whoever is next. */
async function* during(turn: Disposable, pieces: BulkSource['pieces']): AsyncGenerator<Uint8Array> {
  using _ = turn
  yield* pieces
}
