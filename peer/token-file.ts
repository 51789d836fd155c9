/**
 * The token that the HTTP API wants where other machines can reach it: one line in a file. A peer has its
 * own, which only its user may read, or one that several peers share:
 *
 *   <data>/.tandem/token
 */
import { createHash } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, link, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Clock } from '../common/clock.ts'
import { diskError } from '../common/disk-error.ts'
import { AppError, reasonOf, systemErrorCode } from '../common/errors.ts'
import { ownFolderName } from '../common/ids.ts'
import type { Log } from '../common/log.ts'
import { type Random, randomId } from '../common/random.ts'

const tokenBytes = 32
const tokenPattern = /^[\x21-\x7e]{32,512}$/
const fileBytesMax = 1_024
/** A replaced token, or another mode, is noticed within this time. */
const recheckMs = 1_000

export interface TokenPlace {
  readonly path: string
  /** Whether it is a peer's own, which no other user may read; a shared one is its administrator's. */
  readonly isOwn: boolean
}

export function tokenPlace({
  data,
  tokenFile,
}: {
  readonly data: string
  readonly tokenFile: string | undefined
}): TokenPlace {
  return tokenFile === undefined
    ? { path: join(resolve(data), ownFolderName, 'token'), isOwn: true }
    : { path: resolve(tokenFile), isOwn: false }
}

/** The token; undefined if there is no file. @throws AppError TOKEN_UNUSABLE */
export async function readToken({ path, isOwn }: TokenPlace): Promise<string | undefined> {
  try {
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    if (isOwn) await checkPrivate(file)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(fileBytesMax), 0, fileBytesMax, 0)
    const token = buffer.toString('latin1', 0, bytesRead).trim()
    if (tokenPattern.test(token)) return token
    throw new Error('it does not hold 32 to 512 visible ASCII characters')
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined
    throw new AppError('TOKEN_UNUSABLE', { path, reason: reasonOf(error) }, { cause: error })
  }
}

async function checkPrivate(file: FileHandle): Promise<void> {
  if (process.platform === 'win32') return
  const { mode, uid } = await file.stat()
  const permissions = mode & 0o777
  if ((permissions & 0o077) !== 0)
    throw new Error(`its mode is ${permissions.toString(8)}, so that other users can read it`)
  const userId = process.getuid?.() ?? uid
  if (uid !== userId && userId !== 0) throw new Error('it belongs to another user')
}

/**
 * The token; a peer's own is made if there is none.
 * @throws AppError TOKEN_UNUSABLE, DISK_FULL, DISK_FAILED
 */
export async function ensureToken(
  place: TokenPlace,
  dependencies: { random: Random },
): Promise<string> {
  const token = await readToken(place)
  if (token !== undefined) return token
  if (!place.isOwn) throw missing(place)
  // If two processes start at the same time, the first one's file counts.
  await writeToken(place, dependencies, async (beside) => {
    await link(beside, place.path).catch((error: unknown) => {
      if (systemErrorCode(error) !== 'EEXIST') throw error
    })
  })
  const made = await readToken(place)
  if (made === undefined) throw missing(place)
  return made
}

/** Replaces the token; running peers notice. @throws AppError DISK_FULL, DISK_FAILED */
export async function replaceToken(
  place: TokenPlace,
  dependencies: { random: Random },
): Promise<string> {
  return await writeToken(place, dependencies, (beside) => rename(beside, place.path))
}

/** @param put gives the finished file beside the place its name */
async function writeToken(
  { path, isOwn }: TokenPlace,
  { random }: { random: Random },
  put: (beside: string) => Promise<void>,
): Promise<string> {
  const token = randomId(random, tokenBytes)
  const beside = `${path}.${randomId(random, 4)}.new`
  try {
    const mode = isOwn ? 0o600 : await modeOf(path)
    await mkdir(dirname(path), { recursive: true })
    {
      await using file = await open(beside, 'wx', mode)
      // The process's umask does not widen it, but may have narrowed a shared one.
      await file.chmod(mode)
      await file.writeFile(`${token}\n`)
      await file.sync()
    }
    await put(beside)
    return token
  } catch (error) {
    throw diskError({ action: 'write', path, neededBytes: token.length }, error)
  } finally {
    await rm(beside, { force: true }).catch(() => {})
  }
}

async function modeOf(path: string): Promise<number> {
  const found = await stat(path).catch(() => undefined)
  return found === undefined ? 0o600 : found.mode & 0o777
}

function missing({ path }: TokenPlace): AppError {
  return new AppError('TOKEN_UNUSABLE', { path, reason: 'it does not exist' })
}

/** For comparisons that take the same time whatever the two have in common. */
function tokenDigest(token: string): Buffer {
  return createHash('sha256').update(token).digest()
}

/** The token of a running peer, whose file is checked again as long as it is used. */
export class CurrentToken {
  readonly #place: TokenPlace
  readonly #clock: Clock
  readonly #log: Log
  #known: { readonly digest: Buffer; readonly readMs: number } | undefined
  #reading: Promise<Buffer> | undefined
  #problem: string | undefined

  constructor(place: TokenPlace, { clock, log }: { clock: Clock; log: Log }) {
    this.#place = place
    this.#clock = clock
    this.#log = log
  }

  /** @throws AppError TOKEN_UNUSABLE */
  async digest(): Promise<Buffer> {
    const known = this.#known
    if (known !== undefined && this.#clock.monotonicMs() - known.readMs < recheckMs)
      return known.digest
    this.#reading ??= this.#read().finally(() => (this.#reading = undefined))
    return await this.#reading
  }

  async #read(): Promise<Buffer> {
    this.#known = undefined
    try {
      const token = await readToken(this.#place)
      if (token === undefined) throw missing(this.#place)
      const digest = tokenDigest(token)
      this.#known = { digest, readMs: this.#clock.monotonicMs() }
      this.#problem = undefined
      return digest
    } catch (error) {
      const reason = reasonOf(error)
      // Once for each new problem, however many requests fail.
      if (reason !== this.#problem) this.#log.error({ reason }, 'the token cannot be used')
      this.#problem = reason
      throw error
    }
  }
}
