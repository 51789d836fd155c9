import { createHash } from 'node:crypto'
import type { Change } from '../../../common/protocol/messages.ts'

/** Names per folder. */
const folderSize = 100
/** A prime, so that the numbers of files are in no order. */
const stride = 7_919

/** The name of the n-th file of a peer. */
export function nameOf(owner: number, file: number): string {
  const folder = String(Math.floor(file / folderSize)).padStart(4, '0')
  const number = String((file * stride + owner) % 10_000_019).padStart(8, '0')
  return `projects/team-${String(owner).padStart(4, '0')}/${folder}/file-${number}.dat`
}

export function peerIdOf(peer: number): string {
  return `peer-${String(peer).padStart(4, '0')}`
}

/** A change without its number. */
export type Put = Omit<Change & { op: 'put' }, 'seq'>

/** A file of `owner`, as its owner announces it, or as a peer that has a replica of it does. */
export function putOf(owner: number, file: number, kind: 'shared' | 'replicated'): Put {
  const name = nameOf(owner, file)
  const sha256 = createHash('sha256').update(name).digest('hex')
  const size = 1_000 + (file % 9_000)
  const modifiedMs = 1_700_000_000_000 + file
  const put = { op: 'put', name, size, sha256, chunkRoot: sha256, modifiedMs } as const
  return kind === 'shared' ? { ...put, kind } : { ...put, kind, owner: peerIdOf(owner) }
}

/** Which file of which owner, drawn evenly from `owners` x `files`; the same for the same seed. */
export function* drawnFiles(
  { owners, files }: { readonly owners: number; readonly files: number },
  count: number,
): Generator<string> {
  // Xorshift (Marsaglia 2003).
  let state = 0x2545f491
  for (let drawn = 0; drawn < count; drawn += 1) {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    const place = (state >>> 0) % (owners * files)
    yield nameOf(place % owners, Math.floor(place / owners))
  }
}

/** Files and replicas alternate in steps of this many, so that no file lacks its second copy for long. */
const filesPerStep = 1_000

/** What a peer announces: its `files` files, and replicas of those of the next peer. */
export function* changesOf(owner: number, files: number, peers: number): Generator<Put> {
  const neighbour = (owner + 1) % peers
  for (let at = 0; at < files; at += filesPerStep) {
    const end = Math.min(files, at + filesPerStep)
    for (let file = at; file < end; file += 1) yield putOf(owner, file, 'shared')
    for (let file = at; file < end; file += 1) yield putOf(neighbour, file, 'replicated')
  }
}
