/** The closed sets of the HTTP API. Apart from its schemas, which take every command longer to load than all the rest. */
import { limits } from '../../common/limits.ts'

/** What `list` can show: this peer's copies by kind, what only others have, or all of it. */
export const listKinds = ['shared', 'downloaded', 'replicated', 'remote', 'both'] as const
export type ListKind = (typeof listKinds)[number]

export const limitKeys = [
  'uploadBytesPerSecond',
  'downloadBytesPerSecond',
  'replicationUploadBytesPerSecond',
  'replicationDownloadBytesPerSecond',
  'connections',
  'downloadsAtOnce',
] as const
export type LimitKey = (typeof limitKeys)[number]

/** The most that each limit of a number may be; the least is 1. */
export const limitCountsMax = {
  connections: limits.connectionsMax,
  downloadsAtOnce: limits.downloadsAtOnceMax,
} as const
