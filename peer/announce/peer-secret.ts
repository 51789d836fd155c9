import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { diskError } from '../../common/disk-error.ts'
import { AppError, systemErrorCode } from '../../common/errors.ts'
import { type Random, randomId } from '../../common/random.ts'

const secretBytes = 32
const secretPattern = /^[0-9a-f]{64}\n?$/

/**
 * Proof for the index that this peer owns its id: the hash of a secret that is created when the
 * data folder is first used with the id. A folder keeps one secret per id, so that a copy of the
 * folder with another id proves nothing about the first one.
 * @param folder the peer's own folder, `.tandem`
 * @throws AppError DISK_FULL, DISK_FAILED
 */
export async function readIdentity(
  folder: string,
  peerId: string,
  { random }: { random: Random },
): Promise<string> {
  const path = join(folder, 'identity', peerId)
  const secret = (await readSecret(path)) ?? (await makeSecret(path, random))
  return createHash('sha256').update(`tandem/1 identity ${peerId} ${secret}`).digest('hex')
}

async function readSecret(path: string): Promise<string | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw diskError({ action: 'read', path, neededBytes: 0 }, error)
  }
  if (secretPattern.test(text)) return text.trim()
  const reason = 'it does not hold the 64 hexadecimal digits of a secret'
  throw new AppError('DISK_FAILED', { action: 'read', path, reason })
}

/** On disk before it is used: an id that is bound to a lost secret must be released manually. */
async function makeSecret(path: string, random: Random): Promise<string> {
  const secret = randomId(random, secretBytes)
  const folder = dirname(path)
  const beside = `${path}.new`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await rm(beside, { force: true })
    {
      await using file = await open(beside, 'wx', 0o600)
      await file.writeFile(`${secret}\n`)
      await file.sync()
    }
    await rename(beside, path)
    for (const made of [folder, dirname(folder)]) await syncFolder(made)
    return secret
  } catch (error) {
    throw diskError({ action: 'write', path, neededBytes: secret.length }, error)
  }
}

/** Systems on which folders can be flushed. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using folder = await open(path)
  await folder.sync()
}
