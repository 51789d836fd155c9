import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Value } from 'typebox/value'
import { diskError } from '../disk-error.ts'
import { AppError, reasonOf, systemErrorCode } from '../errors.ts'
import { randomId, systemRandom } from '../random.ts'
import { pemBlocks } from './read-certificate.ts'
import { parseTrust, SignedTrust, type Trust } from './trust.ts'

/** The key and certificates of a process, PEM, and whom it trusts. */
export interface IdentityMaterial {
  readonly key: string
  /** Its own certificate, then those of its authority. */
  readonly chain: string
  readonly signedTrust: SignedTrust
  /** Where it joined, `HOST:PORT`; absent at the authority. */
  readonly joinedAt?: string | undefined
}

const names = {
  /** The key of a process that joins. */
  joining: 'joining.pem',
  node: 'node.pem',
  trust: 'trust.json',
  /** Certificates of the trusted authorities, for programs that call processes over HTTPS. */
  authorities: 'ca.pem',
  joined: 'joined-at',
} as const

/**
 * Reads the identity in `folder`; undefined if there is none.
 * @throws AppError DISK_FAILED; IDENTITY_UNUSABLE if a file is damaged, or if other users may read the key
 */
export async function readIdentityFiles(
  folder: string,
): Promise<(IdentityMaterial & { readonly trust: Trust }) | undefined> {
  const path = join(folder, names.node)
  const pem = await readIfThere(path)
  if (pem === undefined) return undefined
  await checkMode(path)
  const trustText = await readIfThere(join(folder, names.trust))
  try {
    const [key] = pemBlocks(pem, 'PRIVATE KEY')
    const chain = pemBlocks(pem, 'CERTIFICATE').join('\n')
    const signedTrust: unknown = JSON.parse(trustText ?? '')
    if (key === undefined || !Value.Check(SignedTrust, signedTrust)) throw new Error('incomplete')
    // Its own file needs no proof of who wrote it.
    const trust = parseTrust(signedTrust.text)
    if (trust === undefined) throw new Error('the list of trusted authorities is malformed')
    const joinedAt = (await readIfThere(join(folder, names.joined)))?.trim()
    return { key, chain, signedTrust, trust, joinedAt }
  } catch (error) {
    throw new AppError('IDENTITY_UNUSABLE', { folder, reason: reasonOf(error) }, { cause: error })
  }
}

/** Writes an identity, durably and readable only for its owner. @throws AppError DISK_FULL, DISK_FAILED */
export async function writeIdentityFiles(
  folder: string,
  { key, chain, signedTrust, joinedAt }: IdentityMaterial,
): Promise<void> {
  await makePrivateFolder(folder)
  await writeTrustFile(folder, signedTrust)
  if (joinedAt !== undefined) await writePrivate(join(folder, names.joined), `${joinedAt}\n`)
  await writePrivate(join(folder, names.node), `${key.trim()}\n${chain.trim()}\n`)
}

/**
 * The key to join with: that of an attempt whose answer was lost, so that the authority knows it again, or a
 * new one, on disk before it is used.
 * @throws AppError DISK_FULL, DISK_FAILED
 */
export async function joiningKey(folder: string, make: () => Promise<string>): Promise<string> {
  const path = join(folder, names.joining)
  const kept = await readIfThere(path)
  if (kept !== undefined) return kept
  const key = await make()
  await makePrivateFolder(folder)
  await writePrivate(path, key)
  return key
}

/**
 * Writes the identity of a process that has joined. An earlier one is kept beside it.
 * @throws AppError DISK_FULL, DISK_FAILED
 */
export async function writeJoined(folder: string, material: IdentityMaterial): Promise<void> {
  const before = await readIfThere(join(folder, names.node))
  if (before !== undefined) await writePrivate(join(folder, `${names.node}.before`), before)
  await writeIdentityFiles(folder, material)
  await rm(join(folder, names.joining), { force: true })
}

/** Replaces the trust document of an identity. @throws AppError DISK_FULL, DISK_FAILED */
export async function writeTrustFile(folder: string, signedTrust: SignedTrust): Promise<void> {
  await writePrivate(join(folder, names.trust), JSON.stringify(signedTrust))
  const authorities = parseTrust(signedTrust.text)?.authorities ?? []
  await writePrivate(join(folder, names.authorities), `${authorities.join('\n')}\n`)
}

/** Creates a folder that only its owner may enter. @throws AppError DISK_FULL, DISK_FAILED */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(dirname(folder), { recursive: true })
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await chmod(folder, 0o700)
  } catch (error) {
    throw diskError({ action: 'create the folder', path: folder, neededBytes: 0 }, error)
  }
}

/** Writes a file that only its owner may read, atomically. @throws AppError DISK_FULL, DISK_FAILED */
export async function writePrivate(path: string, text: string): Promise<void> {
  // Of this process only: several may write into one folder.
  const beside = `${path}.${randomId(systemRandom)}.new`
  try {
    {
      await using file = await open(beside, 'wx', 0o600)
      await file.writeFile(text)
      await file.sync()
    }
    await rename(beside, path)
    if (process.platform === 'win32') return
    await using folder = await open(dirname(path))
    await folder.sync()
  } catch (error) {
    await rm(beside, { force: true }).catch(() => {})
    throw diskError({ action: 'write', path, neededBytes: text.length }, error)
  }
}

/** What {@link writePrivate} writes before it is complete. */
const unfinished = /\.[0-9a-f]{16}\.new$/
/** Much longer than writing takes. */
const unfinishedMs = 60_000

/**
 * Removes what processes that were killed have not finished to write in `folder`; it may hold secrets.
 * @param nowMs by the clock of this machine, since 1970
 */
export async function removeUnfinished(folder: string, nowMs: number): Promise<void> {
  const names = await readdir(folder).catch(() => [])
  for (const name of names.filter((one) => unfinished.test(one))) {
    const path = join(folder, name)
    const { mtimeMs = nowMs } = await stat(path).catch(() => ({ mtimeMs: undefined }))
    if (nowMs - mtimeMs > unfinishedMs) await rm(path, { force: true }).catch(() => {})
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    // Those who make the folder say what is wrong with it.
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return undefined
    throw diskError({ action: 'read', path, neededBytes: 0 }, error)
  }
}

/** A key that others have read is no secret any more. */
async function checkMode(path: string): Promise<void> {
  if (process.platform === 'win32') return
  await using file = await open(path)
  const { mode } = await file.stat()
  if ((mode & 0o077) === 0) return
  const reason = `other users may read ${path}: run chmod 600 on it, and revoke the identity if they may have`
  throw new AppError('IDENTITY_UNUSABLE', { folder: dirname(path), reason })
}
