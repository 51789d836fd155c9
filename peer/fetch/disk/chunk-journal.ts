/**
 * The journal of an unfinished download, beside its file: one line of JSON about the content, the chunk
 * list (of an unlisted content not yet known), and a record of 8 bytes for each verified chunk (its number, and a check of that).
 *
 * Records stand alone: if a crash tore one or kept it from the disk, its chunk is fetched again.
 */
import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { crc32 } from 'node:zlib'
import { ChunkSet } from '../../../common/content/chunk-set.ts'
import {
  chunkCountFor,
  chunkRootOf,
  hashBytes,
  isUnlisted,
} from '../../../common/content/chunks.ts'
import { systemErrorCode } from '../../../common/errors.ts'
import type { Content } from '../../../common/protocol/messages.ts'

const recordBytes = 8
const version = 1

/** What a journal says. */
export interface Journalled {
  readonly chunkList: Buffer
  /** Those that were verified and written. */
  readonly chunks: ChunkSet
  /** The machine's boot at the time; see common/boot-id.ts. */
  readonly bootId: string
}

/** @returns undefined when the bytes are no journal of this content */
export function parseJournal(bytes: Buffer, content: Content): Journalled | undefined {
  const headEnd = bytes.indexOf('\n') + 1
  const head = parseHead(bytes.subarray(0, headEnd).toString('utf8'))
  if (head === undefined || head.line !== headOf(content, head.bootId)) return undefined
  const chunkCount = chunkCountFor(content.size)
  const listEnd = headEnd + chunkCount * hashBytes
  const chunkList = bytes.subarray(headEnd, listEnd)
  if (chunkList.length !== chunkCount * hashBytes) return undefined
  if (!isUnlisted(content) && chunkRootOf(chunkList) !== content.chunkRoot) return undefined
  const chunks = new ChunkSet(chunkCount)
  for (let at = listEnd; at + recordBytes <= bytes.length; at += recordBytes) {
    const chunk = bytes.readUInt32BE(at)
    if (chunk < chunkCount && record(chunk).equals(bytes.subarray(at, at + recordBytes)))
      chunks.add(chunk)
  }
  return { chunkList: Buffer.from(chunkList), chunks, bootId: head.bootId }
}

function headOf({ sha256, size, chunkRoot }: Content, bootId: string): string {
  return `${JSON.stringify({ version, sha256, size, chunkRoot, bootId })}\n`
}

function parseHead(line: string): { line: string; bootId: string } | undefined {
  try {
    const head = JSON.parse(line) as { bootId?: unknown } | null
    return typeof head?.bootId === 'string' ? { line, bootId: head.bootId } : undefined
  } catch {
    return undefined
  }
}

function record(chunk: number): Buffer {
  const bytes = Buffer.alloc(recordBytes)
  bytes.writeUInt32BE(chunk, 0)
  bytes.writeUInt32BE(crc32(bytes.subarray(0, 4)), 4)
  return bytes
}

/** The journal at `path`; undefined when there is none of this content. @throws what the disk does */
export async function readJournal(path: string, content: Content): Promise<Journalled | undefined> {
  try {
    return parseJournal(await readFile(path), content)
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** One chunk's place in a journal. */
export interface JournalRecord {
  /** Of the journal's file. */
  readonly descriptor: number
  readonly position: number
  readonly bytes: Uint8Array
}

/** A journal that is being written. */
export class ChunkJournal {
  readonly #handle: FileHandle
  #end: number

  private constructor(handle: FileHandle, end: number) {
    this.#handle = handle
    this.#end = end
  }

  /** Creates the journal at `path` atomically, in place of an older one. @throws what the disk does */
  static async create(
    path: string,
    content: Content,
    { chunkList, chunks, bootId }: Journalled,
  ): Promise<ChunkJournal> {
    const head = Buffer.from(headOf(content, bootId))
    const records: Buffer[] = []
    for (let chunk = 0; chunk < chunks.chunkCount; chunk += 1)
      if (chunks.has(chunk)) records.push(record(chunk))
    const bytes = Buffer.concat([head, chunkList, ...records])
    const handle = await open(`${path}.new`, 'w')
    try {
      await handle.writeFile(bytes)
      await handle.datasync()
      await rename(`${path}.new`, path)
      await using folder = await open(dirname(path), 'r')
      await folder.sync()
    } catch (error) {
      await handle.close()
      await rm(`${path}.new`, { force: true })
      throw error
    }
    return new ChunkJournal(handle, bytes.length)
  }

  /**
   * The record to write, and where, once the bytes of `chunk` are written; a record that is left out
   * does no harm.
   */
  recordOf(chunk: number): JournalRecord {
    const position = this.#end
    this.#end += recordBytes
    return { descriptor: this.#handle.fd, position, bytes: record(chunk) }
  }

  /** Flushes the records; the chunks themselves must be durable already. @throws what the disk does */
  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}
