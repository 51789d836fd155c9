/** Checks of a push before its bytes are received. */
import { lstat, stat } from 'node:fs/promises'
import { dirname, relative } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError } from '../../common/errors.ts'
import { limits } from '../../common/limits.ts'
import type { Location } from './folders.ts'
import { isGone } from './is-gone.ts'

export interface Push {
  readonly at: Location
  /** Whether a file of this name with other bytes may be replaced. */
  readonly replace: boolean
  /** The number of bytes that will be sent, if known. */
  readonly bytesAnnounced: number | undefined
}

/**
 * @returns the number of bytes to accept, because a file of that size has the name and may not be
 *   replaced; undefined if there is no such file
 * @throws AppError NAME_EXISTS, NAME_BLOCKED, NAME_INVALID, TOO_LARGE, DISK_FULL, DISK_FAILED
 */
export async function checkPush(
  { at, replace, bytesAnnounced }: Push,
  { freeBytes }: { freeBytes: () => Promise<number> },
): Promise<number | undefined> {
  if (bytesAnnounced !== undefined && bytesAnnounced > limits.contentBytesMax)
    throw new AppError('TOO_LARGE', {
      what: 'The file',
      max: limits.contentBytesMax,
      unit: 'bytes',
    })
  const takenBytes = await takenBytesAt(at, replace)
  if (takenBytes !== undefined && bytesAnnounced !== undefined && takenBytes !== bytesAnnounced)
    throw new AppError('NAME_EXISTS', { name: at.name })
  if (bytesAnnounced !== undefined && bytesAnnounced > (await freeBytes()))
    throw new AppError('DISK_FULL', { path: at.root, neededBytes: bytesAnnounced })
  return takenBytes
}

/**
 * Passes the bytes on.
 * @throws (while iterating) AppError NAME_EXISTS at the first byte beyond the limit
 */
export async function* noMoreThan(
  bytesMax: number,
  bytes: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array> {
  let received = 0
  for await (const piece of bytes) {
    received += piece.byteLength
    if (received > bytesMax) throw new AppError('NAME_EXISTS', { name })
    yield piece
  }
}

/** The size of the file that has the name and may not be replaced. */
async function takenBytesAt(at: Location, replace: boolean): Promise<number | undefined> {
  try {
    await checkParents(at)
    const found = await lstat(at.path)
    if (found.isDirectory())
      throw new AppError('NAME_BLOCKED', { name: at.name, reason: 'it is a folder here' })
    return replace || !found.isFile() ? undefined : found.size
  } catch (error) {
    if (isGone(error)) return undefined
    throw diskError({ action: 'look at', path: at.path, neededBytes: 0 }, error)
  }
}

/** @throws AppError NAME_BLOCKED if a file is in the place of a folder of the name */
async function checkParents({ name, root, path }: Location): Promise<void> {
  for (let folder = dirname(path); folder.length > root.length; folder = dirname(folder)) {
    const found = await stat(folder).catch(() => undefined)
    if (found?.isDirectory()) return
    if (found === undefined) continue
    const reason = `'${relative(root, folder)}' is a file here`
    throw new AppError('NAME_BLOCKED', { name, reason })
  }
}
