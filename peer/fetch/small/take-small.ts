import { sha256 as hashOf } from '../../../common/content/hash.ts'
import type { AppError } from '../../../common/errors.ts'
import type { Content } from '../../../common/protocol/messages.ts'
import type { Missed, SmallFetch, Verified } from './small-fetch.ts'
import { inGroups, type SmallFile } from './small-reads.ts'

/** What taking small files needs of the rest of the peer. */
export interface SmallSteps<File extends SmallFile> {
  /** The bytes of small contents that this peer holds, in whatever place, not verified. */
  readLocal(sha256s: readonly string[]): Promise<(Uint8Array<ArrayBuffer> | undefined)[]>
  /** Puts files into their places; for each what stands in the way, if something does. */
  place(files: readonly Verified<File>[]): Promise<readonly (AppError | undefined)[]>
}

/** Where the bytes of a file came from. */
export type From = 'network' | 'here'

interface TakeSmallOptions<File extends SmallFile> {
  readonly signal: AbortSignal
  /** Told of each file that was placed, or could not be. What it throws ends the taking. */
  readonly onPlaced: (file: File, outcome: From | AppError) => void
}

/**
 * Takes small files from this peer's own disk if it holds their contents, from others if not.
 * @returns those that nobody gave
 * @throws what the steps and `onPlaced` throw, or the signal's reason
 */
export async function takeSmall<File extends SmallFile>(
  files: readonly File[],
  options: TakeSmallOptions<File>,
  { small, steps }: { small: SmallFetch; steps: SmallSteps<File> },
): Promise<Missed<File>[]> {
  const elsewhere: File[] = []
  for (const group of inGroups(files)) {
    const { held, others } = await heldHere(group, steps)
    if (held.length > 0) await place(held, 'here')
    elsewhere.push(...others)
  }
  return await small.fetch(elsewhere, (verified) => place(verified, 'network'))

  async function place(verified: readonly Verified<File>[], from: From): Promise<void> {
    options.signal.throwIfAborted()
    const errors = await steps.place(verified)
    for (const [index, { file }] of verified.entries())
      options.onPlaced(file, errors[index] ?? from)
  }
}

async function heldHere<File extends SmallFile>(
  files: readonly File[],
  steps: Pick<SmallSteps<File>, 'readLocal'>,
): Promise<{ held: Verified<File>[]; others: File[] }> {
  const read = await steps.readLocal(files.map(({ content }) => content.sha256))
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
