import assert from 'node:assert/strict'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import {
  chunkBytesFor,
  chunkCountFor,
  chunkHashAt,
  chunkRange,
  isUnlisted,
} from '../../../common/content/chunks.ts'
import { sha256 } from '../../../common/content/hash.ts'
import { copyBeside } from '../../../common/copy-beside.ts'
import { diskError } from '../../../common/disk-error.ts'
import type { AppError } from '../../../common/errors.ts'
import { makeFolderAgain } from '../../../common/make-folder.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { WakeUp } from '../../../common/wake-up.ts'
import type { CopyingStore, PutChunk, ReadFrom } from '../chunk-store.ts'
import { ChunkJournal, type Journalled, readJournal } from './chunk-journal.ts'
import type { ChunkWorkers } from './chunk-threads.ts'
import type { Reservation } from './disk-room.ts'
import { putBack } from './put-back.ts'

/**
 * Contents from this size on bypass the page cache: there they would evict other data, and cost
 * more than their hash.
 */
export const directWriteBytesMin = 128 * 1024 * 1024
/** Bytes of a download that a power cut may cost besides those in flight: 0.5 s at 1 Gbit/s. */
const unsyncedBytesMax = 64 * 1024 * 1024

interface PartialFileDependencies {
  readonly workers: ChunkWorkers
}

interface PartialFileOptions {
  readonly path: string
  readonly content: Content
  readonly bootId: string
  /** Whether partial data survives the end of this process. */
  readonly isJournalled: boolean
}

/** The journal of the file at `path`. */
export function journalPathOf(path: string): string {
  return `${path}.journal`
}

/**
 * A content that is being fetched: a file beside the user's folders, and which of its chunks are good.
 * Disposing closes it, and removes it unless it is finished or kept.
 */
export class PartialFile implements CopyingStore, AsyncDisposable {
  readonly path: string
  readonly #options: PartialFileOptions
  readonly #handle: FileHandle
  /** For large contents: its writes bypass the page cache. */
  readonly #direct: FileHandle | undefined
  readonly #workers: ChunkWorkers
  /** Chunks that are verified and written. */
  readonly verified: ChunkSet
  /** Woken when more chunks are verified. */
  readonly changes = new WakeUp()
  #chunkList: Buffer | undefined
  #journal: ChunkJournal | undefined
  #opening: Promise<ChunkJournal> | undefined
  #verifiedBytes = 0
  #room: Pick<Reservation, 'onWritten'> | undefined
  #unsyncedBytes = 0
  #syncing: Promise<void> | undefined
  /** Why a flush failed: its bytes are lost, even if the next flush succeeds. */
  #syncFailure: unknown
  /** Chunks that are being checked and written; the file stays open for them. */
  readonly #putting = new Set<Promise<boolean>>()
  #isClosed = false
  #isWanted = false

  private constructor(
    options: PartialFileOptions,
    { handle, direct }: { handle: FileHandle; direct: FileHandle | undefined },
    { workers }: PartialFileDependencies,
  ) {
    this.path = options.path
    this.#options = options
    this.#handle = handle
    this.#direct = direct
    this.#workers = workers
    this.verified = new ChunkSet(chunkCountFor(options.content.size))
  }

  /**
   * Creates the file, or resumes the one that an earlier run left: its verified chunks count, and are
   * hashed again only if the machine has restarted since.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  static async open(
    options: PartialFileOptions,
    dependencies: PartialFileDependencies,
  ): Promise<PartialFile> {
    const { path, isJournalled } = options
    try {
      const isResumable = isJournalled && (await hasOneName(path))
      const known = isResumable ? await readJournalOf(options) : undefined
      if (known === undefined) await rm(path, { force: true })
      const handle = await open(path, constants.O_RDWR | constants.O_CREAT)
      await using opening = new AsyncDisposableStack()
      const direct = await openDirect(options)
      const file = opening.use(new PartialFile(options, { handle, direct }, dependencies))
      // A failure now, such as a full disk, does not cost the data of an earlier run.
      file.#isWanted = known !== undefined
      if (known !== undefined) await file.#takeUp(known)
      file.#isWanted = false
      opening.move()
      return file
    } catch (error) {
      throw diskErrorOf(options, 'write to', error)
    }
  }

  /** Of the content. */
  get size(): number {
    return this.#options.content.size
  }

  get verifiedBytes(): number {
    return this.#verifiedBytes
  }

  /** The content's chunk list, once it is known. */
  get chunkList(): Buffer | undefined {
    return this.#chunkList
  }

  /** Uses reserved room for what is written from now on. */
  writeInto(room: Pick<Reservation, 'onWritten'>): void {
    this.#room = room
  }

  /**
   * Called with the verified chunk list: from now on verified chunks are journalled.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async begin(chunkList: Buffer): Promise<void> {
    this.#chunkList = chunkList
    if (!this.#options.isJournalled || this.verified.chunkCount === 1) return
    this.#opening = this.#createJournal(chunkList)
    try {
      this.#journal = await this.#opening
    } catch (error) {
      throw diskErrorOf(this.#options, 'write to', error)
    }
  }

  async #createJournal(chunkList: Buffer): Promise<ChunkJournal> {
    const { path, content, bootId } = this.#options
    makeFolderAgain(dirname(path), (await this.#handle.stat()).dev)
    const journalled = { chunkList, chunks: this.verified, bootId }
    return await ChunkJournal.create(journalPathOf(path), content, journalled)
  }

  /**
   * Writes a chunk if it has its hash: the only chunk of a content itself, others in a thread.
   * @param from where the thread reads it first, if it lies in another file
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async put(chunk: number, bytes: Buffer, hash: Uint8Array, from?: ReadFrom): Promise<PutChunk> {
    const isSmall = this.verified.chunkCount === 1
    assert(!isSmall || from === undefined)
    const putting = isSmall
      ? this.#putSmall(bytes, hash)
      : this.#putElsewhere(chunk, bytes, hash, from)
    this.#putting.add(putting)
    try {
      const isGood = await putting
      if (isGood) this.#onWritten(chunk)
      return { isGood }
    } catch (error) {
      throw diskErrorOf(this.#options, 'write to', error)
    } finally {
      this.#putting.delete(putting)
    }
  }

  async #putSmall(bytes: Buffer, hash: Uint8Array): Promise<boolean> {
    const isGood = (await sha256(bytes)).equals(hash)
    for (let done = 0; isGood && done < bytes.length; )
      done += (await this.#handle.write(bytes, done, bytes.length - done, done)).bytesWritten
    return isGood
  }

  async #putElsewhere(
    number: number,
    chunk: Buffer,
    sha256: Uint8Array,
    from: ReadFrom | undefined,
  ): Promise<boolean> {
    const position = chunkRange(this.size, number).start
    const file = { descriptor: this.#handle.fd, directDescriptor: this.#direct?.fd }
    const worker = this.#workers.leastBusy()
    const record = this.#journal?.recordOf(number)
    return await worker.check({ chunk, sha256, file, position, record, from })
  }

  #onWritten(chunk: number): void {
    const { bytes } = chunkRange(this.size, chunk)
    this.#onVerified(chunk, bytes)
    this.#unsyncedBytes += bytes
    if (this.#unsyncedBytes >= unsyncedBytesMax) this.#syncing ??= this.#syncNow()
  }

  /**
   * Flushes and closes the file; from then on it belongs to the caller. It exists even if it, or its
   * folder, was removed while it was fetched.
   * @throws AppError DISK_FULL, DISK_FAILED
   */
  async finish(): Promise<void> {
    try {
      await this.#syncing
      if (this.#syncFailure !== undefined) throw this.#syncFailure as Error
      if (!(await putBack(this.#handle, this.path))) await this.#handle.sync()
    } catch (error) {
      throw diskErrorOf(this.#options, 'write to', error)
    }
    this.#isWanted = true
    await this[Symbol.asyncDispose]()
  }

  /** Keeps file and journal when this is disposed, if partial data is worth resuming. */
  keep(): void {
    this.#isWanted = this.#journal !== undefined && this.verified.size > 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await Promise.allSettled(this.#putting)
    await this.#syncing
    // The fetch may have ended while the journal was being created.
    await this.#opening?.then((journal) => journal.close()).catch(() => {})
    await Promise.allSettled([this.#handle.close(), this.#direct?.close()])
    // After a flush that failed the journal names chunks that the disk may not have.
    const isSound = this.#syncFailure === undefined
    if (!this.#isWanted || !isSound) await removePartial(this.path)
  }

  /** Resumes where an earlier run ended. */
  async #takeUp({ chunkList, chunks, bootId }: Journalled): Promise<void> {
    const isTrusted = bootId === this.#options.bootId
    const { size } = this.#options.content
    const learns = isUnlisted(this.#options.content)
    const { size: bytesThere } = await this.#handle.stat()
    const buffer = Buffer.allocUnsafeSlow(isTrusted && !learns ? 0 : chunkBytesFor(size))
    for (let chunk = 0; chunk < chunks.chunkCount; chunk += 1) {
      const { start, bytes } = chunkRange(size, chunk)
      if (!chunks.has(chunk) || start + bytes > bytesThere) continue
      const isGood = learns
        ? await this.#learn(chunk, buffer, chunkList)
        : isTrusted || (await this.#isGood(chunk, buffer, chunkList))
      if (isGood) this.#onVerified(chunk, bytes)
    }
    await this.begin(chunkList)
  }

  async #isGood(chunk: number, buffer: Buffer<ArrayBuffer>, chunkList: Buffer): Promise<boolean> {
    const bytes = await this.#readBack(chunk, buffer)
    return bytes !== undefined && (await sha256(bytes)).equals(chunkHashAt(chunkList, chunk))
  }

  /** Notes the hash of a chunk of an unlisted content. */
  async #learn(chunk: number, buffer: Buffer<ArrayBuffer>, chunkList: Buffer): Promise<boolean> {
    const bytes = await this.#readBack(chunk, buffer)
    if (bytes !== undefined) chunkHashAt(chunkList, chunk).set(await sha256(bytes))
    return bytes !== undefined
  }

  async #readBack(
    chunk: number,
    buffer: Buffer<ArrayBuffer>,
  ): Promise<Buffer<ArrayBuffer> | undefined> {
    const { start, bytes } = chunkRange(this.#options.content.size, chunk)
    for (let done = 0; done < bytes; ) {
      const { bytesRead } = await this.#handle.read(buffer, done, bytes - done, start + done)
      if (bytesRead === 0) return undefined
      done += bytesRead
    }
    return buffer.subarray(0, bytes)
  }

  #onVerified(chunk: number, bytes: number): void {
    if (this.verified.has(chunk)) return
    this.#verifiedBytes += bytes
    this.verified.add(chunk)
    this.#room?.onWritten(bytes)
    this.changes.notify()
  }

  /**
   * Flushes while further chunks arrive; never rejects. It bounds what a power cut costs, and shortens
   * the flush at the end.
   */
  async #syncNow(): Promise<void> {
    this.#unsyncedBytes = 0
    try {
      await this.#handle.datasync()
      await this.#journal?.sync()
    } catch (error) {
      this.#syncFailure ??= error
    } finally {
      this.#syncing = undefined
    }
  }
}

/** Of an unlisted content a journal says nothing after a restart of the machine: no chunk could be checked. */
async function readJournalOf(options: PartialFileOptions): Promise<Journalled | undefined> {
  const { path, content, bootId } = options
  const known = await readJournal(journalPathOf(path), content)
  return isUnlisted(content) && known?.bootId !== bootId ? undefined : known
}

/**
 * Whether the file has no other name. A process that ended while it moved the file has left it with two, of
 * which one is the user's, who may have edited it: then a copy takes its place, if there is room.
 */
async function hasOneName(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined || found.nlink === 1) return true
  const copy = `${path}.copy`
  try {
    await rm(copy, { force: true })
    await copyBeside(path, copy)
    await rename(copy, path)
    return true
  } catch {
    await rm(copy, { force: true })
    return false
  }
}

/**
 * Opens the file again for writes that bypass the page cache; undefined where they are impossible or do
 * not pay.
 */
async function openDirect({ path, content }: PartialFileOptions): Promise<FileHandle | undefined> {
  const isPossible = 'O_DIRECT' in constants
  if (!isPossible || content.size < directWriteBytesMin) return undefined
  return await open(path, constants.O_WRONLY | constants.O_DIRECT).catch(() => undefined)
}

/** Removes the file of an unfinished download and its journal. */
export async function removePartial(path: string): Promise<void> {
  await Promise.all([rm(path, { force: true }), rm(journalPathOf(path), { force: true })])
}

function diskErrorOf(
  { path, content }: PartialFileOptions,
  action: string,
  error: unknown,
): AppError {
  return diskError({ action, path: dirname(path), neededBytes: content.size }, error)
}
