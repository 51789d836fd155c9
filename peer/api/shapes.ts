/** Shapes of the requests and replies of calls.ts. */
import Type, { type Static, type TInteger, type TSchema } from 'typebox'
import type { ErrorCode } from '../../common/error-table.ts'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import { PeerSafety } from '../../common/protocol/plan-shapes.ts'
import { eachLimit, type LimitKey, type LimitValue } from './limit-table.ts'
import { MeshCounts } from './mesh-shapes.ts'

const Sha256 = messages.accuse.request.properties.sha256
const next = Type.Optional(
  Type.String({ description: 'Present if more follow: the `after` of the next page.' }),
)

export const Lookup = Type.Object({
  name: Type.String(),
  files: Type.Array(
    Type.Object({
      sha256: Sha256,
      size: Type.Integer(),
      chunkRoot: messages.lookup.reply.properties.contents.items.properties.chunkRoot,
      modifiedMs: messages.lookup.reply.properties.contents.items.properties.modifiedMs,
      sources: messages.lookup.reply.properties.contents.items.properties.sources,
    }),
  ),
})
export type Lookup = Static<typeof Lookup>

export const FoundByHash = Type.Object({
  sha256: Sha256,
  ...messages['find-content'].reply.properties,
})
/** A content with one of its names. */
export type FoundByHash = Static<typeof FoundByHash>

export const SearchPage = messages.search.reply
export type SearchPage = Static<typeof SearchPage>

export const Folder = messages['list-folder'].reply
/** One page of what is immediately in a folder. */
export type Folder = Static<typeof Folder>

export const ListedFile = Type.Object({
  name: Type.String(),
  kind: Type.Union([
    Type.Literal('shared'),
    Type.Literal('downloaded'),
    Type.Literal('replicated'),
    Type.Literal('remote'),
  ]),
  size: Type.Integer(),
  sha256: Sha256,
})
export type ListedFile = Static<typeof ListedFile>

export const Peers = messages.peers.reply.properties.peers
export type Peers = Static<typeof Peers>
const KeptFolder = Type.Object({
  /** Below the peer's data folder. */
  folder: Type.String(),
  /** As in "shared {reason}". */
  reason: Type.String(),
  /** Entries kept without their files. */
  files: Type.Integer(),
})
export const KeptFolders = Type.Object({ keptFolders: Type.Array(KeptFolder) })
/** Folders of this peer that are unusable or lost their files, so that none of these count as deleted. */
export type KeptFolders = Static<typeof KeptFolders>

export const ResumedReplication = messages['resume-replication'].reply
export type ResumedReplication = Static<typeof ResumedReplication>

export const Safety = Type.Object({ peerId: Type.String(), ...PeerSafety.properties })
/** The wanted files that a peer holds, and those of them that other peers lack. */
export type Safety = Static<typeof Safety>
export const Undrained = Type.Object({
  peerId: Type.String(),
  ...messages.undrain.reply.properties,
})
export const EndedMaintenance = Type.Object({
  peerId: Type.String(),
  ...messages.maintain.reply.properties,
})
const Event = messages.events.reply.properties.events.items
export const EventPage = Type.Object({
  ...messages.events.reply.properties,
  events: Type.Array(
    Type.Object({
      ...Event.properties,
      /** One line for people. */
      text: Type.String(),
    }),
  ),
})
export type EventPage = Static<typeof EventPage>
export const TrashPage = messages.trash.reply
export type TrashPage = Static<typeof TrashPage>
export const EmptiedTrash = messages['empty-trash'].reply
export type EmptiedTrash = Static<typeof EmptiedTrash>

export const Restored = Type.Object({
  name: Type.String(),
  /** The peer that deleted it. */
  owner: Type.String(),
  /** The peer that brings it back. */
  at: Type.String(),
  sha256: Type.String(),
  size: Type.Integer(),
  /** Whether that peer shares it again; otherwise it is still fetching it. */
  isDone: Type.Boolean(),
})
export type Restored = Static<typeof Restored>

export const Rebalance = messages.rebalance.reply
/** A rebalance of the cluster, with its plan if that was asked for. */
export type Rebalance = Static<typeof Rebalance>

export const ReplicationRules = messages['replication-rules'].reply
export type ReplicationRules = Static<typeof ReplicationRules>
export const ReplicationOf = messages['replication-of'].reply
export type ReplicationOf = Static<typeof ReplicationOf>

export const ConfirmedDeletes = Type.Object({
  /** Files that count as deleted. */
  files: Type.Integer(),
})
export type ConfirmedDeletes = Static<typeof ConfirmedDeletes>

export const Status = Type.Object({
  ...messages.status.reply.properties,
  /** The peer that answers. */
  peer: Type.Object({
    peerId: Type.String(),
    /** Present if other machines reach it without TLS. */
    isInsecure: Type.Optional(Type.Literal(true)),
    /** Number of its files and folders that are not shared; `problems` lists them. */
    problems: Type.Integer(),
    /** Why other peers cannot connect to it, if so; its copies do not count then. */
    unreachable: Type.Optional(
      Type.Object({ address: Type.String(), reason: Type.String(), remedy: Type.String() }),
    ),
    /** The index cannot be reached, if so, and what peers told each other answers for it. */
    indexAway: Type.Optional(
      Type.Object({
        address: Type.String(),
        awayMs: Type.Integer({ description: '0 once it is back, and not asked yet.' }),
        isActing: Type.Boolean({
          description: 'Whether the peers make and drop copies without it.',
        }),
      }),
    ),
    ...KeptFolders.properties,
    /** The members of its mesh, if it takes part in one. */
    mesh: Type.Optional(MeshCounts),
    /** Followed files that could not be fetched, if so: their number, and why. */
    following: Type.Optional(Type.Object({ failed: Type.Integer(), reason: Type.String() })),
    /** What it gives to the cluster, if limited. */
    capacity: Type.Optional(Type.Object({ bytes: Type.Integer(), usedBytes: Type.Integer() })),
    /** How current the peer's view of its folders is. */
    view: Type.Object({
      /** Time since the last full scan began: the greatest age of an unnoticed change. */
      scannedMsAgo: Type.Integer(),
      /** Files and folders in shared/ that are ignored on purpose, as of the last full scan. */
      ignored: Type.Integer(),
      /** Time between scans; grows with the cost of a scan. */
      scanEveryMs: Type.Integer(),
      /** Why the system does not report all changes, if so. */
      watchProblem: Type.Optional(Type.String()),
    }),
  }),
})
export type Status = Static<typeof Status>

export const Problem = Type.Object({
  code: Type.String(),
  /** Below the folder; bytes that are not UTF-8 are `\xNN`. Empty for the folder itself. */
  name: Type.String(),
  folder: Type.Union([
    Type.Literal('shared'),
    Type.Literal('downloaded'),
    Type.Literal('replicated'),
  ]),
  /** On the peer's machine. */
  path: Type.String(),
  /** Why it is not shared, without a full stop. */
  reason: Type.String(),
  /** What to do. */
  remedy: Type.String(),
})
/** A file or folder that is not shared. */
export type Problem = Static<typeof Problem>
export const Problems = Type.Object({
  total: Type.Integer({
    description: 'Number of all problems. Not all are listed if they are many.',
  }),
  problems: Type.Array(Problem, { description: 'By path.' }),
  next,
})
export type Problems = Static<typeof Problems>

export const Why = Type.Object({
  name: Type.String(),
  contents: messages.why.reply.properties.contents,
  /** Number of replaced versions kept, if any; `versions` lists them. */
  replacedVersions: messages.why.reply.properties.replacedVersions,
  /** Why this peer does not share files of this name, if so. */
  problems: Type.Optional(Type.Array(Problem)),
})
export type Why = Static<typeof Why>

export const Versions = Type.Object({
  name: Type.String(),
  versions: messages.versions.reply.properties.versions,
  next,
})
/** The current contents of a name, then the replaced ones that are kept. */
export type Versions = Static<typeof Versions>

const Summary = Type.Object({
  count: Type.Integer(),
  mean: Type.Number(),
  stdev: Type.Number(),
  min: Type.Number(),
  max: Type.Number(),
})
/** Summary of measurements; all 0 if `count` is 0. `stdev` is that of the sample (n - 1). */
export type Summary = Static<typeof Summary>

export const Stats = Type.Object({
  peerId: Type.String(),
  uptimeSeconds: Type.Number(),
  /** Duration of lookups and searches at the index. */
  searchSeconds: Summary,
  /** Rate of each finished download from the network. */
  downloadBytesPerSecond: Summary,
  /** All downloaded bytes divided by all time spent downloading. */
  throughputBytesPerSecond: Type.Number(),
  sentBytes: Type.Integer(),
  receivedBytes: Type.Integer(),
  files: Type.Object({
    shared: Type.Integer(),
    downloaded: Type.Integer(),
    replicated: Type.Integer(),
  }),
})
export type Stats = Static<typeof Stats>

export const ApiError = Type.Object({
  code: Type.String(),
  message: Type.String(),
  retryable: Type.Boolean(),
  details: Type.Record(Type.String(), Type.Union([Type.String(), Type.Number(), Type.Boolean()])),
})
/** The error of something that ended or failed on its own, such as a download. */
export type ApiError = Static<typeof ApiError> & { code: ErrorCode | (string & {}) }

export const Downloaded = Type.Object({
  name: Type.String(),
  /** Path on the peer's machine. */
  path: Type.String(),
  bytes: Type.Integer(),
  /** Those of them that were copied from other files of this peer instead of being received. */
  reusedBytes: Type.Integer(),
  seconds: Type.Number(),
  sha256: Sha256,
  /** Empty if this peer already had the content. */
  sources: Type.Array(
    Type.Object({ peerId: Type.String(), host: Type.String(), port: Type.Integer() }),
  ),
})
export type Downloaded = Static<typeof Downloaded>

export const DownloadedFiles = Type.Object({
  /** Number of matches so far, and whether the list is complete. */
  total: Type.Integer(),
  isListed: Type.Boolean(),
  /** Complete files in their final place. */
  done: Type.Integer(),
  failed: Type.Integer(),
  /** The first failures. */
  failures: Type.Array(Type.Object({ name: Type.String(), error: ApiError })),
  /** The folder that the names are relative to, on the peer's machine. */
  folder: Type.String(),
  /** Time since this run began. */
  seconds: Type.Number(),
})
export type DownloadedFiles = Static<typeof DownloadedFiles>

export const StartedBy = Type.Union([Type.Literal('follow'), Type.Literal('auto-fetch')])
/** What made the peer download a file by itself. */
export type StartedBy = Static<typeof StartedBy>

export const Download = Type.Object({
  id: Type.String(),
  /** Name of the file, or the requested pattern or folder. */
  name: Type.String(),
  state: Type.Union([
    Type.Literal('waiting'),
    Type.Literal('running'),
    Type.Literal('paused'),
    Type.Literal('done'),
    Type.Literal('failed'),
  ]),
  /** Verified bytes so far, of `size` (0 until the content is known). */
  bytes: Type.Integer(),
  size: Type.Integer(),
  /** Those of `bytes` that were copied from other files of this peer instead of being received. */
  reusedBytes: Type.Integer(),
  /** Average of the last seconds. */
  bytesPerSecond: Type.Number(),
  /** Active sources, with bytes received and current rate. */
  sources: Type.Array(
    Type.Object({
      peerId: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      bytes: Type.Integer(),
      bytesPerSecond: Type.Number(),
    }),
  ),
  /** Present if no user started it: it yields to downloads of users. */
  startedBy: Type.Optional(StartedBy),
  /** Why no source is available, if a running download waits for one. */
  waitingFor: Type.Optional(Type.String()),
  /** Present for many files: `bytes` and `size` are totals, and there is no `result`. */
  files: Type.Optional(DownloadedFiles),
  result: Type.Optional(Downloaded),
  error: Type.Optional(ApiError),
})
export type Download = Static<typeof Download>

export const FollowRequest = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'A glob over full names, a file, or a folder with all that is in it',
    }),
    newest: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.followedNewestMax,
        description: 'Only that number of files, the ones modified last. Default: all',
      }),
    ),
  },
  { additionalProperties: false },
)
export type FollowRequest = Static<typeof FollowRequest>

export const Followed = Type.Object({
  ...FollowRequest.properties,
  addedMs: Type.Integer({ description: 'In milliseconds since 1970.' }),
  /** Whether the counts are of all files; before the first comparison is complete they grow. */
  isListed: Type.Boolean(),
  /** Files that the pattern matches in the cluster. */
  files: Type.Integer(),
  /** Those that are in downloaded/ as they are in the cluster. */
  held: Type.Integer(),
  /** Those that are being fetched, or wait for it. */
  waiting: Type.Integer(),
  /** Those that are left as the user has them: changed, removed, or shared by this peer. */
  kept: Type.Integer(),
  /** Those that could not be fetched and are tried again later; `error` is that of one of them. */
  failed: Type.Integer(),
  error: Type.Optional(ApiError),
})
/** A pattern that this peer follows, and how far it is. */
export type Followed = Static<typeof Followed>
export const FollowedList = Type.Object({ followed: Type.Array(Followed) })
export type FollowedList = Static<typeof FollowedList>

export const DownloadRequest = Type.Object(
  {
    name: Type.String({
      description: 'Name of a file, or of a folder if no file has this name; or a pattern',
    }),
    pattern: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether `name` is a glob over full names, or a folder',
      }),
    ),
    sha256: Type.Optional(Sha256),
    wait: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether to wait instead of failing if no source is available',
      }),
    ),
  },
  { additionalProperties: false },
)
export type DownloadRequest = Static<typeof DownloadRequest>

const Rate = Type.Union([
  Type.Integer({ minimum: limits.rateBytesPerSecondMin }),
  Type.Literal('unlimited'),
])
const Size = Type.Union([Type.Integer({ minimum: 0 }), Type.Literal('unlimited')])
type LimitSchemas = {
  readonly [Key in LimitKey]: LimitValue<Key> extends number ? TInteger : typeof Rate
}
/** Valid values of each limit. */
export const limitSchemas = eachLimit(({ unit, max = 0 }) => {
  if (unit === 'size') return Size
  return unit === 'rate' ? Rate : Type.Integer({ minimum: 1, maximum: max })
}) as LimitSchemas
export const LimitValues = Type.Object(limitSchemas)
export type LimitValues = { readonly [Key in LimitKey]: LimitValue<Key> }

const effective = <T extends TSchema>(value: T) =>
  Type.Object({
    value,
    from: Type.Union([Type.Literal('setting'), Type.Literal('schedule'), Type.Literal('hand')]),
    /** File, variable, flag or `default` of a setting; rule of the schedule; absent if set manually. */
    origin: Type.Optional(Type.String()),
  })
export const Limits = Type.Object({
  limits: Type.Object(
    eachLimit((_, key) => effective(limitSchemas[key])) as {
      [Key in LimitKey]: ReturnType<typeof effective<LimitSchemas[Key]>>
    },
  ),
  /** The next change by the schedule, if any; in milliseconds since 1970. */
  nextChange: Type.Optional(
    Type.Object({ atMs: Type.Integer(), limits: Type.Partial(LimitValues) }),
  ),
})
/** The limits in force, each with its origin. */
export type Limits = Static<typeof Limits>

const orNull = <T extends TSchema>(value: T) => Type.Optional(Type.Union([value, Type.Null()]))
export const LimitsChange = Type.Object(
  eachLimit((_, key) => orNull(limitSchemas[key])) as {
    [Key in LimitKey]: ReturnType<typeof orNull<LimitSchemas[Key]>>
  },
  {
    additionalProperties: false,
    description: 'Limits to set manually; null resets one to settings and schedule.',
  },
)
export type LimitsChange = Static<typeof LimitsChange>

export const Pushed = Type.Object({
  name: Type.String(),
  sha256: Sha256,
  size: Type.Integer(),
  /** Live copies known to the index; 0 without `wait`. */
  copies: Type.Integer(),
})
export type Pushed = Static<typeof Pushed>

export const UnshareRequest = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'A glob, or a folder with a trailing slash',
    }),
    owner: Type.Optional(Type.String({ description: 'Owner of the files. Default: this peer.' })),
    force: Type.Optional(
      Type.Boolean({ description: 'Whether to also remove files of other peers' }),
    ),
    after: Type.Optional(Type.String({ description: 'The `next` of the previous page' })),
  },
  { additionalProperties: false },
)
export type UnshareRequest = Static<typeof UnshareRequest>

export const UnsharedPage = Type.Object({
  /** Number of files of this page removed. */
  unshared: Type.Integer(),
  failures: Type.Array(
    Type.Object({ name: Type.String(), code: Type.String(), message: Type.String() }),
    { description: 'Files that were not removed, and why' },
  ),
  next: Type.Optional(
    Type.String({ description: 'The `after` of the next page, if more files may match' }),
  ),
})
export type UnsharedPage = Static<typeof UnsharedPage>
