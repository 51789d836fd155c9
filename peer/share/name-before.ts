import { lstat } from 'node:fs/promises'
import { type FileStat, isSameStat } from '../../common/content/file-stat.ts'
import type { Catalog } from './catalog.ts'
import type { Entry } from './entry.ts'
import type { Location } from './folders.ts'
import { createdNs } from './inspect.ts'
import { isGone } from './is-gone.ts'

/**
 * What the catalog knows of a file in shared/ under the name that it had before; undefined if it was
 * not renamed. It has the inode, size and time of a shared file that is no longer in its place, and
 * was created before that one was looked at: a later file has the inode of a deleted one, and
 * unpacked archives often give all files the same time.
 */
export async function nameBefore(
  at: Location,
  stat: FileStat,
  catalog: Pick<Catalog, 'chunkList' | 'damage' | 'sharedAt'>,
): Promise<(Entry & { readonly chunkList: Buffer }) | undefined> {
  if (at.kind !== 'shared') return undefined
  const candidates = catalog.sharedAt(stat.ino)
  const created = candidates.length === 0 ? undefined : await createdNs(at.path)
  for (const known of candidates) {
    const { ctimeNs } = known.stat
    if (created === undefined || ctimeNs === undefined || created > ctimeNs) continue
    if (catalog.damage.has(known.seq)) continue
    const isRenamed = isSameStat(known.stat, stat) && (await isGoneFrom(known.at.path))
    const chunkList = isRenamed ? catalog.chunkList(known.content.sha256) : undefined
    if (chunkList !== undefined) return { ...known, chunkList }
  }
  return undefined
}

/** Whether nothing has this path; an error says nothing about it. */
async function isGoneFrom(path: string): Promise<boolean> {
  return await lstat(path).then(() => false, isGone)
}
