/**
 * The id of the peer that a data folder belongs to. It is recorded in the folder, so that a process or a
 * container that is started anew on it, under another default id, is the same peer:
 *
 *   <data>/.tandem/peer-id
 */
import { readdirSync, readFileSync } from 'node:fs'
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { diskError } from '../common/disk-error.ts'
import { AppError, systemErrorCode } from '../common/errors.ts'
import { isPeerId, ownFolderName } from '../common/ids.ts'

/**
 * The recorded id; for a folder of an earlier version, the only id that it was used with. Undefined if
 * there is none.
 * @throws AppError DISK_FAILED
 */
export function folderPeerId(dataPath: string): string | undefined {
  const own = join(dataPath, ownFolderName)
  const path = join(own, 'peer-id')
  try {
    const recorded = orNothing(() => readFileSync(path, 'utf8'))?.trim()
    if (recorded !== undefined && isPeerId(recorded)) return recorded
    // Each has a secret there; see announce/peer-secret.ts.
    const used = (orNothing(() => readdirSync(join(own, 'identity'))) ?? []).filter(isPeerId)
    return used.length === 1 ? used[0] : undefined
  } catch (error) {
    throw diskError({ action: 'read', path, neededBytes: 0 }, error)
  }
}

/**
 * Refuses a folder of another peer, unless `adopts`: a new id would leave the other one dead permanently, and
 * its files wanted by it.
 * @throws AppError DATA_OF_OTHER_PEER, DISK_FAILED
 */
export function checkFolderId({
  dataPath,
  peerId,
  adopts,
}: {
  dataPath: string
  peerId: string
  adopts: boolean
}): void {
  const owner = folderPeerId(dataPath)
  if (owner !== undefined && owner !== peerId && !adopts)
    throw new AppError('DATA_OF_OTHER_PEER', { data: dataPath, owner, peerId })
}

/** Records the id; only the process that uses the folder may. @throws AppError DISK_FULL, DISK_FAILED */
export async function recordFolderId(dataPath: string, peerId: string): Promise<void> {
  const path = join(dataPath, ownFolderName, 'peer-id')
  try {
    if (orNothing(() => readFileSync(path, 'utf8'))?.trim() === peerId) return
    {
      await using file = await open(`${path}.new`, 'w')
      await file.writeFile(`${peerId}\n`)
      await file.sync()
    }
    await rename(`${path}.new`, path)
  } catch (error) {
    throw diskError({ action: 'write', path, neededBytes: peerId.length }, error)
  }
}

function orNothing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT' || systemErrorCode(error) === 'ENOTDIR')
      return undefined
    throw error
  }
}
