/** What calls of a peer's API take and answer. The calls themselves are in calls.ts. */
import Type, { type Static, type TInteger, type TSchema } from 'typebox'
import type { ErrorCode } from '../../common/error-table.ts'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import { eachLimit, type LimitKey, type LimitValue } from './limit-table.ts'

const Sha256 = messages.locate.request.properties.sha256

export const Lookup = Type.Object({
  name: Type.String(),
  files: Type.Array(
    Type.Object({
      sha256: Sha256,
      size: Type.Integer(),
      chunkRoot: messages.lookup.reply.properties.contents.items.properties.chunkRoot,
      sources: messages.lookup.reply.properties.contents.items.properties.sources,
    }),
  ),
})
export type Lookup = Static<typeof Lookup>

export const SearchPage = messages.search.reply
export type SearchPage = Static<typeof SearchPage>

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
  /** Its entries without a file, which are kept. */
  files: Type.Integer(),
})
export const KeptFolders = Type.Object({ keptFolders: Type.Array(KeptFolder) })
/** Folders of this peer that cannot be used or lost their files, so that nothing of them counts as deleted. */
export type KeptFolders = Static<typeof KeptFolders>

export const ConfirmedDeletes = Type.Object({
  /** Files that were dropped from the cluster. */
  files: Type.Integer(),
})
export type ConfirmedDeletes = Static<typeof ConfirmedDeletes>

export const Status = Type.Object({
  ...messages.status.reply.properties,
  /** The peer that was asked. */
  peer: Type.Object({
    peerId: Type.String(),
    /** Files and folders of it that are not shared; `problems` lists them. */
    problems: Type.Integer(),
    /** Why others cannot connect to it, if so; its copies do not count then. */
    unreachable: Type.Optional(
      Type.Object({ address: Type.String(), reason: Type.String(), remedy: Type.String() }),
    ),
    ...KeptFolders.properties,
    /** How well the peer knows its folders. */
    view: Type.Object({
      /** Since the last full scan began: changes that the system does not tell of may be so old. */
      scannedMsAgo: Type.Integer(),
      /** From one scan to the next; grows with what a scan costs. */
      scanEveryMs: Type.Integer(),
      /** Why the system does not tell of all changes, if so. */
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
  /** All there are; `problems` are the first of them. */
  total: Type.Integer(),
  problems: Type.Array(Problem),
})
export type Problems = Static<typeof Problems>

export const Why = Type.Object({
  name: Type.String(),
  contents: messages.why.reply.properties.contents,
  /** Replaced versions that are kept, if any; `versions` lists them. */
  replacedVersions: messages.why.reply.properties.replacedVersions,
  /** Why files of this name are not shared by the peer that was asked, if so. */
  problems: Type.Optional(Type.Array(Problem)),
})
export type Why = Static<typeof Why>

export const Versions = Type.Object({
  name: Type.String(),
  versions: messages.versions.reply.properties.versions,
})
/** The contents that a name has, and those that it had and that are kept; current ones first. */
export type Versions = Static<typeof Versions>

const Summary = Type.Object({
  count: Type.Integer(),
  mean: Type.Number(),
  stdev: Type.Number(),
  min: Type.Number(),
  max: Type.Number(),
})
/** Of a series of measurements; all 0 when `count` is 0. `stdev` is the sample's (n - 1). */
export type Summary = Static<typeof Summary>

export const Stats = Type.Object({
  peerId: Type.String(),
  uptimeSeconds: Type.Number(),
  /** Time that lookups and searches took at the index. */
  searchSeconds: Summary,
  /** Speed of each finished download that came over the network. */
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
/** What every failed call answers, with the status of the error table. */
export type ApiError = Static<typeof ApiError> & { code: ErrorCode | (string & {}) }

export const Downloaded = Type.Object({
  name: Type.String(),
  /** Where the file is now, on the peer's machine. */
  path: Type.String(),
  bytes: Type.Integer(),
  seconds: Type.Number(),
  sha256: Sha256,
  /** Who sent it; empty when this peer had the content already. */
  sources: Type.Array(
    Type.Object({ peerId: Type.String(), host: Type.String(), port: Type.Integer() }),
  ),
})
export type Downloaded = Static<typeof Downloaded>

export const DownloadedFiles = Type.Object({
  /** Matched so far, and whether those are all. */
  total: Type.Integer(),
  isListed: Type.Boolean(),
  /** Complete and in their place. */
  done: Type.Integer(),
  failed: Type.Integer(),
  /** The first that failed, and why. */
  failures: Type.Array(Type.Object({ name: Type.String(), error: ApiError })),
  /** The folder that their names begin in, on the peer's machine. */
  folder: Type.String(),
  /** Since this run of it began. */
  seconds: Type.Number(),
})
export type DownloadedFiles = Static<typeof DownloadedFiles>

export const Download = Type.Object({
  id: Type.String(),
  /** Of the file, or what was asked for when it is a pattern or a folder. */
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
  /** Over the last seconds. */
  bytesPerSecond: Type.Number(),
  /** Those that send now, what came of each since it began, and how fast it is. */
  sources: Type.Array(
    Type.Object({
      peerId: Type.String(),
      host: Type.String(),
      port: Type.Integer(),
      bytes: Type.Integer(),
      bytesPerSecond: Type.Number(),
    }),
  ),
  /** Why nobody sends anything; there when it runs and has to wait for a source. */
  waitingFor: Type.Optional(Type.String()),
  /** There when it is of many files: `bytes` and `size` are of all of them, and there is no `result`. */
  files: Type.Optional(DownloadedFiles),
  result: Type.Optional(Downloaded),
  error: Type.Optional(ApiError),
})
export type Download = Static<typeof Download>

export const DownloadRequest = Type.Object(
  {
    name: Type.String({
      description: 'Of a file; of a folder, if no file is called so; or a pattern',
    }),
    pattern: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether `name` is a glob over whole names, or a folder',
      }),
    ),
    sha256: Type.Optional(Sha256),
    wait: Type.Optional(
      Type.Boolean({
        default: true,
        description: 'Whether to wait for a source when there is none, instead of failing',
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
type LimitSchemas = {
  readonly [Key in LimitKey]: LimitValue<Key> extends number ? TInteger : typeof Rate
}
/** What each limit may be. */
export const limitSchemas = eachLimit(({ unit, max = 0 }) =>
  unit === 'rate' ? Rate : Type.Integer({ minimum: 1, maximum: max }),
) as LimitSchemas
export const LimitValues = Type.Object(limitSchemas)
export type LimitValues = { readonly [Key in LimitKey]: LimitValue<Key> }

const effective = <T extends TSchema>(value: T) =>
  Type.Object({
    value,
    from: Type.Union([Type.Literal('setting'), Type.Literal('schedule'), Type.Literal('hand')]),
    /** The file, variable or flag, or `default`; the rule of the schedule; absent when set by hand. */
    origin: Type.Optional(Type.String()),
  })
export const Limits = Type.Object({
  limits: Type.Object(
    eachLimit((_, key) => effective(limitSchemas[key])) as {
      [Key in LimitKey]: ReturnType<typeof effective<LimitSchemas[Key]>>
    },
  ),
  /** There when the schedule will change something; in milliseconds since 1970. */
  nextChange: Type.Optional(
    Type.Object({ atMs: Type.Integer(), limits: Type.Partial(LimitValues) }),
  ),
})
/** The limits in force, each with where it comes from. */
export type Limits = Static<typeof Limits>

const orNull = <T extends TSchema>(value: T) => Type.Optional(Type.Union([value, Type.Null()]))
export const LimitsChange = Type.Object(
  eachLimit((_, key) => orNull(limitSchemas[key])) as {
    [Key in LimitKey]: ReturnType<typeof orNull<LimitSchemas[Key]>>
  },
  {
    additionalProperties: false,
    description: 'Limits to set by hand; null resets one to settings and schedule.',
  },
)
export type LimitsChange = Static<typeof LimitsChange>

export const Pushed = Type.Object({
  name: Type.String(),
  sha256: Sha256,
  size: Type.Integer(),
  /** Live copies known to the index when it answered; 0 when `wait` was not asked for. */
  copies: Type.Integer(),
})
export type Pushed = Static<typeof Pushed>

export const UnshareRequest = Type.Object(
  {
    pattern: Type.String({
      minLength: 1,
      maxLength: limits.queryBytesMax,
      description: 'A glob, or a folder that ends with a slash',
    }),
    owner: Type.Optional(Type.String({ description: 'Whose files. Default: this peer.' })),
    force: Type.Optional(
      Type.Boolean({ description: 'Whether files of other peers may be taken out, too' }),
    ),
    after: Type.Optional(Type.String({ description: 'Where the page before this one ended' })),
  },
  { additionalProperties: false },
)
export type UnshareRequest = Static<typeof UnshareRequest>

export const UnsharedPage = Type.Object({
  /** Files of this page that were taken out. */
  unshared: Type.Integer(),
  failures: Type.Array(
    Type.Object({ name: Type.String(), code: Type.String(), message: Type.String() }),
    { description: 'Those that were not, and why' },
  ),
  next: Type.Optional(
    Type.String({ description: 'There when more may match: the `after` of the next page' }),
  ),
})
export type UnsharedPage = Static<typeof UnsharedPage>
