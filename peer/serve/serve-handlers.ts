import {
  type ByteRange,
  chunkCountFor,
  chunkRange,
  hashBytes,
} from '../../common/content/chunks.ts'
import { AppError, hasCode, toAppError } from '../../common/errors.ts'
import type { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { type BulkSource, fileRange } from '../../common/protocol/bulk.ts'
import type { Handlers } from '../../common/protocol/handlers.ts'
import type { Content, Purpose } from '../../common/protocol/messages.ts'
import type { OpenFiles } from './open-files.ts'
import type { ServedContents, ServedFile } from './served-contents.ts'
import type { SmallFiles } from './small-files.ts'

/** Counts what is sent, and holds it back to what is allowed. */
export interface UploadGate {
  /** How many bytes to send at a time; infinite when nothing limits. */
  partBytes(purpose: Purpose): number
  /** A promise is to be waited for before the bytes are sent. @throws AppError STOPPING */
  pass(bytes: number, purpose: Purpose): Promise<void> | undefined
}

export interface ServeDependencies {
  readonly contents: ServedContents
  readonly openFiles: Pick<OpenFiles, 'use'>
  readonly smallFiles: Pick<SmallFiles, 'outcomes'>
  readonly buffers: BufferPool
  readonly uploads: UploadGate
  /** Told that a file is no longer as catalogued; returns at once. */
  readonly recheck: (file: ServedFile) => void
}

/** How a peer answers others that fetch from it. */
export function serveHandlers(
  dependencies: ServeDependencies,
): Handlers<'peer' | 'client', 'peer', undefined> {
  const { contents } = dependencies
  return {
    'chunk-list': async ({ sha256, for: purpose = 'download' }) => {
      const { size, chunkRoot } = contentOf(sha256, contents)
      const bytes = chunkCountFor(size) * hashBytes
      const pieces = chunkListOf(sha256, purpose, dependencies)
      return { reply: { size, chunkRoot }, bulk: { bytes, pieces } }
    },

    chunks: async ({ sha256 }) => {
      const { size } = contentOf(sha256, contents)
      return { size, count: chunkCountFor(size) }
    },

    read: async ({ sha256, chunk, count, for: purpose = 'download' }) => {
      const { size } = contentOf(sha256, contents)
      const chunks = chunkCountFor(size)
      const last = chunk + count - 1
      if (last >= chunks) throw new AppError('CHUNK_OUT_OF_RANGE', { chunks, chunk: last })
      const file = await unchangedFile(sha256, dependencies)
      const range = chunkRange(size, chunk, count)
      const pieces = piecesOf(file, range, purpose, dependencies)
      return { reply: {}, bulk: { bytes: range.bytes, pieces } }
    },

    'read-many': async ({ sha256s, for: purpose = 'download' }) => {
      const { outcomes, bulk } = await dependencies.smallFiles.outcomes(sha256s)
      const pieces = gated(bulk.pieces, purpose, dependencies.uploads)
      return { reply: { contents: outcomes }, bulk: { bytes: bulk.bytes, pieces } }
    },
  }
}

function contentOf(sha256: string, contents: ServedContents): Content {
  const [file] = contents.find(sha256)
  if (file === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  return file.content
}

/** Read when it is sent, so that replies which wait in line hold no list. */
async function* chunkListOf(
  sha256: string,
  purpose: Purpose,
  { contents, uploads }: ServeDependencies,
): AsyncGenerator<Uint8Array> {
  const chunkList = contents.chunkList(sha256)
  if (chunkList === undefined) throw new AppError('CONTENT_NOT_FOUND', { sha256 })
  await uploads.pass(chunkList.length, purpose)
  yield chunkList
}

/** The first file of this content that is on the disk as it was catalogued; the others are to be rechecked. */
async function unchangedFile(
  sha256: string,
  { contents, openFiles, recheck }: ServeDependencies,
): Promise<ServedFile> {
  let failure = new AppError('CONTENT_NOT_FOUND', { sha256 })
  for (const file of contents.find(sha256)) {
    try {
      using _ = await openFiles.use(file)
      return file
    } catch (error) {
      if (hasCode(error, 'STOPPING')) throw error
      recheck(file)
      if (!hasCode(error, 'FILE_NOT_FOUND')) failure = toAppError(error)
    }
  }
  throw failure
}

/**
 * The bytes as they are sent. The file is taken again when the first is asked for, so that replies
 * which wait in line, or never leave, hold no file open. Once bytes are promised, a file that
 * changed can only end the connection.
 */
async function* piecesOf(
  file: ServedFile,
  range: ByteRange,
  purpose: Purpose,
  { openFiles, buffers, recheck, uploads }: ServeDependencies,
): AsyncGenerator<Uint8Array> {
  try {
    using open = await openFiles.use(file)
    yield* gated(fileRange(open.handle, range, buffers).pieces, purpose, uploads)
  } catch (error) {
    if (!hasCode(error, 'STOPPING')) recheck(file)
    throw error
  }
}

/** The pieces as fast as they may be sent. */
async function* gated(
  pieces: BulkSource['pieces'],
  purpose: Purpose,
  uploads: UploadGate,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces)
    for (const part of partsOf(piece, purpose, uploads)) {
      const held = uploads.pass(part.length, purpose)
      if (held !== undefined) await held
      yield part
    }
}

/** Cut as small as the gate wants it at each moment: it may be changed between two parts. */
function* partsOf(piece: Uint8Array, purpose: Purpose, uploads: UploadGate): Generator<Uint8Array> {
  for (let start = 0; start < piece.length; ) {
    const part = piece.subarray(start, start + uploads.partBytes(purpose))
    start += part.length
    yield part
  }
}
