import { sha256 as hashOf } from '../../../common/content/hash.ts'
import { AppError } from '../../../common/errors.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { KeyedContent, Shelf } from '../../shelf.ts'
import type { Missed, SmallFetch, Verified } from './small-fetch.ts'
import { inGroups, type SmallContent } from './small-reads.ts'

/** A small file to fetch, and where it is placed. */
type KeyedSmallContent = SmallContent & KeyedContent

/** The origin of a file's bytes. */
export type From = 'network' | 'here'

interface TakeSmallOptions<File> {
  readonly signal: AbortSignal
  /** Called with each file that was placed or could not be. What it throws ends the whole. */
  readonly onPlaced: (file: File, outcome: From | AppError) => void
}

/**
 * Takes small files from this peer's own disk if it holds their contents, from other peers if not.
 * @returns those that no source sent
 * @throws what the shelf and `onPlaced` throw, or the signal's reason
 */
export async function takeSmall<File extends KeyedSmallContent>(
  files: readonly File[],
  options: TakeSmallOptions<File>,
  { small, shelf }: { small: SmallFetch; shelf: Pick<Shelf, 'adoptGroup' | 'readSmall'> },
): Promise<Missed<File>[]> {
  const elsewhere: File[] = []
  for (const group of inGroups(files)) {
    const { held, others } = await heldHere(group, shelf)
    if (held.length > 0) await place(held, 'here')
    elsewhere.push(...others)
  }
  return await small.fetch(elsewhere, (verified) => place(verified, 'network'))

  async function place(verified: readonly Verified<File>[], from: From): Promise<void> {
    options.signal.throwIfAborted()
    const files = verified.map(({ file: { key, content }, bytes }) => ({ key, content, bytes }))
    const outcomes = await shelf.adoptGroup(files)
    for (const [index, { file }] of verified.entries()) {
      const outcome = outcomes[index]
      options.onPlaced(file, outcome instanceof AppError ? outcome : from)
    }
  }
}

async function heldHere<File extends SmallContent>(
  files: readonly File[],
  shelf: Pick<Shelf, 'readSmall'>,
): Promise<{ held: Verified<File>[]; others: File[] }> {
  const read = await shelf.readSmall(files.map(({ content }) => content.sha256))
  const held: Verified<File>[] = []
  const others: File[] = []
  for (const [index, file] of files.entries()) {
    const bytes = read[index]
    if (bytes !== undefined && (await isGood(bytes, file.content))) held.push({ file, bytes })
    else others.push(file)
  }
  return { held, others }
}

async function isGood(bytes: Uint8Array<ArrayBuffer>, { sha256, size }: Content): Promise<boolean> {
  return bytes.length === size && (await hashOf(bytes)).toString('hex') === sha256
}
