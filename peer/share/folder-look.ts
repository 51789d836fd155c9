import { constants } from 'node:fs'
import { access, opendir, stat } from 'node:fs/promises'
import type { Clock } from '../../common/clock.ts'
import { reasonOf } from '../../common/errors.ts'
import { isGone } from './is-gone.ts'
import type { FolderIdentity, FolderLook } from './judge-loss.ts'

/**
 * Checking a folder: a sleeping network disk wakes in this time; one that hangs must not block
 * other copies.
 */
const folderLookMs = 5_000

/** Checks one folder, following links. Never throws. */
export type LookAtFolder = (path: string) => Promise<FolderLook>

/** Checks folders, and gives up on unresponsive disks. */
export function folderLooker({ clock }: { clock: Clock }): LookAtFolder {
  /** A call that hangs occupies a thread, so there is one call at a time for each folder. */
  const looking = new Map<string, Promise<FolderLook>>()
  return async (path) => {
    const look = looking.get(path) ?? lookAtFolder(path).finally(() => looking.delete(path))
    looking.set(path, look)
    const { promise: late, resolve } = Promise.withResolvers<FolderLook>()
    const cancel = clock.after(folderLookMs, () =>
      resolve({ isMissing: false, reason: 'cannot be read: its disk does not respond' }),
    )
    try {
      return await Promise.race([look, late])
    } finally {
      cancel()
    }
  }
}

/** Checks a folder, however long its disk takes. */
export const lookAtFolder: LookAtFolder = async (path) => {
  try {
    const found = await stat(path, { bigint: true })
    if (!found.isDirectory()) return { isMissing: false, reason: 'is no longer a folder' }
    await access(path, constants.R_OK | constants.X_OK)
    // Some disks fail only on reading.
    await using folder = await opendir(path)
    await folder.read()
    return { identity: identityOf(found) }
  } catch (error) {
    if (isGone(error)) return { isMissing: true, reason: 'is missing' }
    return { isMissing: false, reason: `cannot be read (${reasonOf(error)})` }
  }
}

export function identityOf({
  dev,
  ino,
}: {
  readonly dev: bigint
  readonly ino: bigint
}): FolderIdentity {
  return { device: String(BigInt.asUintN(64, dev)), inode: String(BigInt.asUintN(64, ino)) }
}
