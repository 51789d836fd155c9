import { ChunkSet } from '../../../common/content/chunk-set.ts'
import { chunkCountFor } from '../../../common/content/chunks.ts'
import { type FileStat, isSameStat } from '../../../common/content/file-stat.ts'
import { AppError } from '../../../common/errors.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import { contentOf, type TestContent } from '../../../common/testing/contents.ts'
import type { KeptIntent } from '../../../peer/announce/kept-intent.ts'

export interface DiskFile {
  readonly bytes: Buffer
  readonly stat: FileStat
  /** The content that was written, if the disk has changed it since. */
  readonly rottenFrom?: string
}

/** The content that was written to a file. */
export function writtenIn({ bytes, rottenFrom }: DiskFile): string {
  return rottenFrom ?? contentIn(bytes).content.sha256
}

/** A content that is being fetched; it survives the end of the process. */
export interface PartialData {
  readonly path: string
  readonly bytes: Buffer
  readonly verified: ChunkSet
  chunkList: Buffer | undefined
}

/** Files share the buffers of their contents, which are never written. */
const hashed = new WeakMap<Buffer, TestContent>()

/** The content of a buffer that never changes. */
export function contentIn(bytes: Buffer): TestContent {
  const known = hashed.get(bytes)
  if (known !== undefined) return known
  const content = contentOf(bytes)
  hashed.set(bytes, content)
  return content
}

/** The disk of one machine: files and partial data, in memory, within a capacity. */
export class SimulatedDisk {
  readonly capacityBytes: number
  /** By path. */
  readonly files = new Map<string, DiskFile>()
  /** Those that a catalog has recorded: of others nothing is known if they rot. */
  readonly recorded = new WeakSet<DiskFile>()
  readonly partials = new Map<string, PartialData>()
  /** The database of the machine's process, from its last end. */
  image: Buffer | undefined
  /** In a mesh: the database of the peer's own index, from the last end of the process. */
  indexImage: Buffer | undefined
  /** The decisions that the peer keeps for its index. */
  intent: KeptIntent | undefined
  /** The same for its own index, beside one of the cluster. */
  ownIntent: KeptIntent | undefined
  /** Whether the peer sends other bytes than it has. */
  isLying = false
  /** Whether nothing more fits. */
  isFilled = false
  readonly #nowMs: () => number
  #usedBytes = 0
  #inodes = 0n

  constructor(capacityBytes: number, nowMs: () => number) {
    this.capacityBytes = capacityBytes
    this.#nowMs = nowMs
  }

  get freeBytes(): number {
    return this.isFilled ? 0 : Math.max(0, this.capacityBytes - this.#usedBytes)
  }

  /** @throws AppError DISK_FULL */
  write(path: string, bytes: Buffer): DiskFile {
    const before = this.files.get(path)?.bytes.length ?? 0
    if (bytes.length - before > this.freeBytes)
      throw new AppError('DISK_FULL', { path, neededBytes: bytes.length })
    this.#usedBytes += bytes.length - before
    const mtimeNs = BigInt(Math.floor(this.#nowMs())) * 1_000_000n
    const file = { bytes, stat: { size: bytes.length, mtimeNs, ino: ++this.#inodes } }
    this.files.set(path, file)
    return file
  }

  /** Whether a file looks as it did when it was recorded. */
  isUnchanged(path: string, stat: FileStat): boolean {
    const file = this.files.get(path)
    return file !== undefined && isSameStat(file.stat, stat)
  }

  move(from: string, to: string): void {
    const file = this.files.get(from)
    if (file === undefined) return
    this.remove(to)
    this.files.delete(from)
    this.files.set(to, file)
  }

  remove(path: string): void {
    this.#usedBytes -= this.files.get(path)?.bytes.length ?? 0
    this.files.delete(path)
  }

  /** What the peer sends of a file. */
  sent(path: string): Buffer | undefined {
    const bytes = this.files.get(path)?.bytes
    return bytes !== undefined && this.isLying ? withFlippedBit(bytes, 0) : bytes
  }

  /** Partial data, from an earlier fetch or new. @throws AppError DISK_FULL */
  partial(path: string, { size }: Content): PartialData {
    const known = this.partials.get(path)
    if (known !== undefined) return known
    if (size > this.freeBytes) throw new AppError('DISK_FULL', { path, neededBytes: size })
    const verified = new ChunkSet(chunkCountFor(size))
    const partial = { path, bytes: Buffer.alloc(size), verified, chunkList: undefined }
    this.#usedBytes += size
    this.partials.set(path, partial)
    return partial
  }

  removePartial(path: string): void {
    this.#usedBytes -= this.partials.get(path)?.bytes.length ?? 0
    this.partials.delete(path)
  }

  /** Changes a file as a bad disk does: its size, time and inode stay. */
  flipBit(path: string): void {
    const file = this.files.get(path)
    if (file === undefined || file.bytes.length === 0) return
    const bytes = withFlippedBit(file.bytes, file.bytes.length >> 1)
    this.files.set(path, { ...file, bytes, rottenFrom: writtenIn(file) })
  }

  /** It is replaced by an empty one. */
  wipe(): void {
    this.files.clear()
    this.partials.clear()
    this.image = undefined
    this.indexImage = undefined
    this.intent = undefined
    this.ownIntent = undefined
    this.#usedBytes = 0
  }
}

function withFlippedBit(bytes: Buffer, position: number): Buffer {
  if (bytes.length === 0) return bytes
  const flipped = Buffer.from(bytes)
  flipped.writeUInt8(flipped.readUInt8(position) ^ 1, position)
  return flipped
}
