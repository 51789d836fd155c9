import type { UnfinishedContents } from './fetch/disk/unfinished-contents.ts'
import type { ServedDownloads } from './serve/served-contents.ts'
import type { Share } from './share/share.ts'

/** The contents of which this peer has some chunks: those that it fetches, and those of damaged files. */
export function partialContents(
  {
    share,
    unfinished,
  }: { share: Pick<Share, 'damagedContents' | 'onDamage'>; unfinished: UnfinishedContents },
  starting: AsyncDisposableStack,
): ServedDownloads & Pick<UnfinishedContents, 'contents' | 'changes'> {
  const { damagedContents } = share
  starting.defer(share.onDamage(() => unfinished.changes.notify()))
  return {
    find: (sha256) => unfinished.find(sha256) ?? damagedContents.find(sha256),
    get contents() {
      return [...unfinished.contents, ...damagedContents.contents]
    },
    changes: unfinished.changes,
  }
}
