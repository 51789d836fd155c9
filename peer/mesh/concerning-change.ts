import type { Change, CopyKey } from '../../common/protocol/messages.ts'

/** What this peer has on its disk. */
export interface HeldFiles {
  /** Whether it has this content. */
  hasContent(sha256: string): boolean
  /** Whether it has a file under this key. */
  hasFile(key: CopyKey): boolean
}

/**
 * A change of another member's catalog, as an index without room for all of them stores it: copies
 * of what this peer has itself are known, so that they are counted, and other copies are not. The
 * rest makes it forget.
 */
export function concerningChange(change: Change, owner: string, held: HeldFiles): Change {
  if (change.op !== 'put' || isConcerning(change, owner, held)) return change
  const { seq, kind, name, owner: ofFile, version } = change
  const key = { kind, name, ...(ofFile && { owner: ofFile }), ...(version && { version }) }
  return { op: 'drop', seq, ...key }
}

/** Also other content of a file of which this peer has a replica: it has been replaced. */
function isConcerning(
  { sha256, name, ...change }: Extract<Change, { op: 'put' }>,
  owner: string,
  held: HeldFiles,
): boolean {
  const key = { kind: 'replicated', name, owner: change.owner ?? owner } as const
  return held.hasContent(sha256) || held.hasFile(key)
}
