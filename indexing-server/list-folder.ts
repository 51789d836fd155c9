import { parseFolder } from '../common/ids.ts'
import { thatFitFrame } from '../common/protocol/frame-budget.ts'
import type { FolderEntry, ReplyOf, RequestOf } from '../common/protocol/messages.ts'
import type { LoopTurns } from './loop-turns.ts'
import { liveCopies, type PeerOf, rankContents } from './rank.ts'
import type { FolderPart, IndexStore } from './store/store.ts'

/** Steps before other events have a turn: about 2 ms. */
const stepsPerTurn = 50

export interface ListFolderDependencies {
  readonly store: Pick<IndexStore, 'listFolder'>
  readonly peerOf: PeerOf
  readonly turns: LoopTurns
}

/**
 * One page of the children of a folder. The cursor is the last child itself, so that pages neither
 * repeat nor skip children while files change.
 * @throws AppError NAME_INVALID; the signal's reason
 */
export async function listFolder(
  { folder: text, limit, after = '' }: RequestOf<'list-folder'>,
  { store, peerOf, turns }: ListFolderDependencies,
  signal: AbortSignal,
): Promise<ReplyOf<'list-folder'>> {
  const folder = parseFolder(text)
  const found: FolderPart['children'][number][] = []
  let next: string | undefined = after
  while (next !== undefined && found.length < limit) {
    await turns.next()
    signal.throwIfAborted()
    const max = { children: limit - found.length, steps: stepsPerTurn }
    const part: FolderPart = await store.listFolder(folder, next, max)
    found.push(...part.children)
    next = part.next
  }
  const entries = thatFitFrame(found.map((child) => entryOf(child, peerOf)))
  if (entries.length < found.length) next = found[entries.length - 1]?.name
  return { folder, entries, ...(next !== undefined && { next }) }
}

function entryOf(
  { name, contents = [] }: FolderPart['children'][number],
  peerOf: PeerOf,
): FolderEntry {
  const [preferred] = contents.length > 1 ? rankContents(contents, peerOf) : contents
  if (preferred === undefined) return { type: 'folder', name: name.slice(0, -1) }
  const { sha256, size, modifiedMs, holders } = preferred
  const copies = liveCopies(holders, peerOf)
  return { type: 'file', name, sha256, size, modifiedMs, copies, versions: contents.length }
}
