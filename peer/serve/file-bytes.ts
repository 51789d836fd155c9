/** The bytes of a content, from any of its files that is unchanged. */
import type { ByteRange } from '../../common/content/chunks.ts'
import { AppError, hasCode, toAppError } from '../../common/errors.ts'
import type { BufferPool } from '../../common/protocol/buffer-pool.ts'
import { type BulkSource, fileRange, type ReadableHandle } from '../../common/protocol/bulk.ts'
import type { Account } from '../../common/protocol/byte-budget.ts'
import type { Purpose } from '../../common/protocol/messages.ts'
import type { ReadableFile } from './served-contents.ts'

/** Counts bytes that are sent, and throttles them to the limits. */
export interface UploadGate {
  /** How many bytes to send at a time; infinite without a limit. */
  partBytes(purpose: Purpose): number
  /** The bytes may be sent when the promise, if there is one, resolves. @throws AppError STOPPING, or the signal's reason */
  pass(bytes: number, purpose: Purpose, signal: AbortSignal): Promise<void> | undefined
}

/** The purpose of bytes that are sent, when to stop, and the account of the memory that they take. */
export interface Sending {
  readonly purpose: Purpose
  readonly signal: AbortSignal
  readonly account: Account
}

export interface FileDependencies {
  /** @throws AppError FILE_NOT_FOUND, CONTENT_CHANGED, DISK_FAILED, STOPPING */
  readonly openFiles: { use(file: ReadableFile): Promise<OpenFile> }
  readonly buffers: BufferPool
  readonly uploads: UploadGate
  /** Called with the path of a file that differs from its entry; returns immediately. */
  readonly recheck: (path: string) => void
}

/** A file in use; disposing releases it. */
interface OpenFile extends Disposable {
  readonly handle: ReadableHandle
}

/** A file of a content. */
interface UnchangedFile extends OpenFile {
  readonly file: ReadableFile
}

/**
 * The first of these files of one content that is unchanged on disk; those before it are rechecked.
 * @throws AppError CONTENT_NOT_FOUND, CHUNK_MISSING, CONTENT_CHANGED, DISK_FAILED, STOPPING
 */
export async function unchangedFile(
  sha256: string,
  files: readonly ReadableFile[],
  dependencies: FileDependencies,
): Promise<ReadableFile> {
  using open = await openUnchanged(sha256, files, dependencies)
  return open.file
}

/**
 * The bytes in the order in which they are sent. The file is opened for the first of them, so that replies
 * which are queued, or never leave, hold no file open. If no file is good then, the connection ends,
 * because the bytes were promised.
 * @param filesNow the files that have the range at that time
 */
export async function* piecesOf(
  sha256: string,
  filesNow: () => readonly ReadableFile[],
  range: ByteRange,
  sending: Sending,
  dependencies: FileDependencies,
): AsyncGenerator<Uint8Array> {
  const { buffers, uploads } = dependencies
  using open = await openUnchanged(sha256, filesNow(), dependencies)
  try {
    const { pieces } = fileRange(open.handle, range, buffers, sending.account)
    yield* gated(pieces, sending, uploads)
  } catch (error) {
    if (!sending.signal.aborted && !hasCode(error, 'STOPPING'))
      onUnreadable(open.file, dependencies)
    throw error
  }
}

async function openUnchanged(
  sha256: string,
  files: readonly ReadableFile[],
  dependencies: FileDependencies,
): Promise<UnchangedFile> {
  let failure: AppError | undefined
  for (const file of files) {
    try {
      return { file, ...(await dependencies.openFiles.use(file)) }
    } catch (error) {
      if (hasCode(error, 'STOPPING')) throw error
      onUnreadable(file, dependencies)
      // A download that is just moving into its place is found there by the next request.
      if (file.stat === undefined) failure = new AppError('CHUNK_MISSING')
      else if (!hasCode(error, 'FILE_NOT_FOUND')) failure = toAppError(error)
    }
  }
  throw failure ?? new AppError('CONTENT_NOT_FOUND', { sha256 })
}

/** Bytes handed to a slow client at a time: what the system, and not this process, keeps for it. */
const clientPieceBytes = 256 * 1024

/** The bytes in pieces for a client that takes them one after another. */
export function* cut(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; start += clientPieceBytes)
    yield bytes.subarray(start, start + clientPieceBytes)
}

/** The pieces, throttled to the limits. */
export async function* gated(
  pieces: BulkSource['pieces'],
  { purpose, signal }: Omit<Sending, 'account'>,
  uploads: UploadGate,
): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces)
    for (const part of partsOf(piece, purpose, uploads)) {
      const held = uploads.pass(part.length, purpose, signal)
      if (held !== undefined) await held
      yield part
    }
}

/** Parts of the size that the gate asks for; a limit may change between two parts. */
function* partsOf(piece: Uint8Array, purpose: Purpose, uploads: UploadGate): Generator<Uint8Array> {
  for (let start = 0; start < piece.length; ) {
    const part = piece.subarray(start, start + uploads.partBytes(purpose))
    start += part.length
    yield part
  }
}

/** Has a file of the catalog rechecked; downloads are not in the catalog yet. */
function onUnreadable(file: ReadableFile, { recheck }: FileDependencies): void {
  if (file.stat !== undefined) recheck(file.at.path)
}
