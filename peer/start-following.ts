/** Assembles what downloads files without being asked each time. */
import { join } from 'node:path'
import { BackgroundWork } from '../common/background.ts'
import type { AskedIndex } from './announce/asked-index.ts'
import type { Downloads } from './download/downloads.ts'
import type { Finder } from './find/finder.ts'
import { autoFetch } from './follow/auto-fetch.ts'
import { FollowStore } from './follow/follow-store.ts'
import { Follower } from './follow/follower.ts'
import type { PeerDependencies } from './join-cluster.ts'
import { changeLink } from './live-sources.ts'
import type { Share } from './share/share.ts'

interface FollowingParts {
  readonly share: Pick<Share, 'get' | 'ready'>
  readonly finder: Pick<Finder, 'listRemote' | 'match'>
  readonly announcer: AskedIndex
  readonly downloads: Downloads
}

interface FollowingOptions {
  readonly peerId: string
  /** For the rules. */
  readonly folder: string
  /** How many files to fetch that this peer does not have. */
  readonly autoFetch: number
}

/** It is stopped with `starting`. @throws AppError DATA_IN_USE, DATABASE_UNUSABLE */
export function startFollowing(
  options: FollowingOptions,
  starting: AsyncDisposableStack,
  { share, finder, announcer, downloads }: FollowingParts,
  dependencies: PeerDependencies,
): Follower {
  const store = starting.use(new FollowStore(join(options.folder, 'follow.db'), dependencies))
  const link = changeLink(announcer)
  const parts = {
    ...dependencies,
    downloads,
    index: {
      awaitChanges: link.awaitChanges.bind(link),
      match: finder.match.bind(finder),
      listRemote: finder.listRemote.bind(finder),
    },
    shelf: {
      ready: share.ready,
      downloaded: (name: string) => share.get({ kind: 'downloaded', name })?.content.sha256,
      isShared: (name: string) => share.get({ kind: 'shared', name }) !== undefined,
    },
  }
  const follower = starting.use(new Follower(options, { ...parts, store }))
  const background = starting.use(new BackgroundWork(dependencies))
  if (options.autoFetch > 0)
    background.start('fetch some files', (signal) =>
      autoFetch(options.autoFetch, { ...parts, store }, signal),
    )
  return follower
}
