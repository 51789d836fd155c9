import { AppError } from '../common/errors.ts'
import type { Fetcher } from './fetch/fetcher.ts'
import type { SmallFile } from './fetch/small/small-reads.ts'
import { takeSmall } from './fetch/small/take-small.ts'
import type { SmallCopy, SmallOutcome } from './replicate/replicator.ts'
import type { SmallAdoption } from './share/group-placer.ts'
import type { Share } from './share/share.ts'

interface Dependencies {
  readonly share: Pick<Share, 'areThere' | 'adoptGroup' | 'readSmall'>
  readonly fetcher: Pick<Fetcher, 'reserve' | 'smallFetch'>
}

interface Copy extends SmallFile, SmallCopy {}

/** Keeps replicated copies of contents of one chunk, many at a time; see `ReplicaKeeper.keepSmall`. */
export async function keepSmall(
  copies: readonly SmallCopy[],
  { signal, onBytes }: { readonly signal: AbortSignal; readonly onBytes: (count: number) => void },
  { share, fetcher }: Dependencies,
): Promise<SmallOutcome[]> {
  const there = await share.areThere(copies.map(adoptionOf))
  const lacking = copies.filter((_, index) => there[index] !== true)
  const outcomes = new Map<SmallCopy, SmallOutcome>()
  using small = fetcher.smallFetch({ purpose: 'replication', signal, onBytes })
  const lackingBytes = lacking.reduce((sum, { content }) => sum + content.size, 0)
  using _ = await fetcher.reserve(lackingBytes, { purpose: 'replication' })
  const onPlaced = (copy: Copy, outcome: unknown): void => {
    if (outcome instanceof AppError) outcomes.set(copy, outcome)
  }
  const steps = {
    readLocal: share.readSmall.bind(share),
    place: async (files: readonly { file: Copy; bytes: Uint8Array }[]) => {
      const adoptions = files.map(({ file, bytes }) => ({ ...adoptionOf(file), bytes }))
      const placed = await share.adoptGroup(adoptions)
      return placed.map((one) => (one instanceof AppError ? one : undefined))
    },
  }
  for (const { file, tried, isDoubtful } of await takeSmall(
    lacking,
    { signal, onPlaced },
    { small, steps },
  )) {
    const { name } = file.key
    outcomes.set(file, isDoubtful ? 'alone' : new AppError('NO_SOURCE', { name, tried }))
  }
  return copies.map((copy) => outcomes.get(copy))
}

function adoptionOf({ key, content }: SmallCopy): Omit<SmallAdoption, 'bytes'> {
  return { key: { kind: 'replicated', ...key }, content }
}
