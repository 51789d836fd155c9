/**
 * THE table of a peer's API: what people and programs can ask of a running peer, and where each part of
 * a request goes over HTTP. {@link PeerApi}, the routes, their documentation, the HTTP client and what it
 * checks in replies come from it.
 */
import Type, { type Static, type TObject, type TSchema } from 'typebox'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import {
  ConfirmedDeletes,
  Download,
  DownloadRequest,
  KeptFolders,
  Limits,
  LimitsChange,
  ListedFile,
  Lookup,
  Peers,
  Problems,
  Pushed,
  Stats,
  Status,
  UnsharedPage,
  UnshareRequest,
  Versions,
  Why,
} from './shapes.ts'

export interface CallRow {
  /** For the documentation; a phrase without a full stop. */
  readonly summary: string
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Where parameters are `:parameter`. */
  readonly path: string
  /** The fields of a request that go into the path. */
  readonly params?: TObject
  /** Those that go into the query. */
  readonly query?: TObject
  /** Those that are sent as JSON. */
  readonly body?: TObject
  /** The request has `bytes`, which are the body. */
  readonly upload?: true
  /** Without it nothing is answered. */
  readonly reply?: TSchema
  /** The reply has this field, a page of rows. Over HTTP the rows are all of the body, and a Link header names the next page. */
  readonly page?: string
  /** 200 without it, or 204 when nothing is answered. */
  readonly status?: number
  /** The path at which what was made can be followed, with fields of the reply as parameters. */
  readonly location?: string
  /** The path ends with a name, whose slashes may also be left as they are. */
  readonly endsWithName?: true
}

/** Nothing longer is asked: the client asks again. Well below the idle time of proxies. */
const waitMsMax = 30_000

const page = {
  limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax, default: limits.pageRowsMax }),
  after: Type.Optional(Type.String({ description: 'Where the page before this one ended.' })),
}
const query = {
  name: Type.Object({ name: Type.String({ description: 'The whole name of a file.' }) }),
  search: Type.Object({
    q: Type.String({ maxLength: limits.queryBytesMax, default: '' }),
    ...page,
  }),
  list: Type.Object({
    kind: Type.Union(
      [
        Type.Literal('shared'),
        Type.Literal('downloaded'),
        Type.Literal('replicated'),
        Type.Literal('remote'),
        Type.Literal('both'),
      ],
      { default: 'both', description: 'remote: what only others have. both: everything.' },
    ),
    ...page,
  }),
  wait: Type.Object({ waitMs: Type.Integer({ minimum: 0, maximum: waitMsMax, default: 0 }) }),
  push: Type.Object({
    name: Type.String({ description: 'The name it gets in shared/.' }),
    replace: Type.Boolean({
      default: false,
      description: 'Whether a file of this name with other bytes may be replaced.',
    }),
    wait: Type.Boolean({
      default: false,
      description: 'Whether to answer only when the file has all its copies.',
    }),
  }),
  unshare: Type.Object({
    owner: Type.Optional(Type.String({ description: 'Default: this peer.' })),
    force: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether a file of another peer may be taken out.',
      }),
    ),
  }),
}
const params = {
  id: Type.Object({ id: Type.String() }),
  name: Type.Object({ name: Type.String({ description: 'Percent-encoded.' }) }),
}

/** Every call fails with an AppError, over HTTP with the status of the error table. */
export const calls = {
  /** @throws NAME_INVALID, NAME_NOT_FOUND, INDEX_UNREACHABLE */
  lookup: {
    summary: 'Who has a file',
    method: 'GET',
    path: '/api/lookup',
    query: query.name,
    reply: Lookup,
  },
  /** @throws INDEX_UNREACHABLE */
  search: {
    summary: 'Find names by a part of them, or by a glob',
    method: 'GET',
    path: '/api/search',
    query: query.search,
    reply: messages.search.reply,
  },
  /** Sorted by kind, then name. @throws BAD_REQUEST when `after` is not the `next` of a page */
  list: {
    summary: 'List files; a Link header names the next page',
    method: 'GET',
    path: '/api/files',
    query: query.list,
    reply: Type.Array(ListedFile),
    page: 'files',
  },
  /** Also of a file that this peer does not share, and of a name that cannot be one. @throws NAME_NOT_FOUND, NAME_INVALID */
  why: {
    summary: 'Where the copies of a file are and, if copies lack, why',
    method: 'GET',
    path: '/api/why',
    query: query.name,
    reply: Why,
  },
  problems: {
    summary: 'What lies in the folders of this peer and is not shared, and what to do',
    method: 'GET',
    path: '/api/problems',
    reply: Problems,
  },
  /** @throws NAME_INVALID, NAME_NOT_FOUND */
  versions: {
    summary: 'The contents of a file: the current one, and replaced ones that are kept',
    method: 'GET',
    path: '/api/versions',
    query: query.name,
    reply: Versions,
  },
  peers: {
    summary: 'The peers that the index knows',
    method: 'GET',
    path: '/api/peers',
    reply: Peers,
  },
  stats: {
    summary: 'How this peer performs',
    method: 'GET',
    path: '/api/stats',
    reply: Stats,
  },
  status: {
    summary: 'How the cluster is',
    method: 'GET',
    path: '/api/status',
    reply: Status,
  },
  /** Starts a download, or joins one for the same. @throws NAME_INVALID, TOO_MANY_DOWNLOADS, NO_SOURCE */
  startDownload: {
    summary: 'Start a download',
    method: 'POST',
    path: '/api/downloads',
    body: DownloadRequest,
    reply: Download,
    status: 202,
    location: '/api/downloads/:id',
  },
  /** As soon as it ended or is paused, or after `waitMs`. @throws DOWNLOAD_NOT_FOUND */
  download: {
    summary: 'A download, as soon as it ended or after waitMs',
    method: 'GET',
    path: '/api/downloads/:id',
    params: params.id,
    query: query.wait,
    reply: Download,
  },
  /** Ends a download and removes its partial data; one that ended already stays as it is. @throws DOWNLOAD_NOT_FOUND */
  cancelDownload: {
    summary: 'Cancel a download',
    method: 'DELETE',
    path: '/api/downloads/:id',
    params: params.id,
  },
  /** Oldest first. */
  downloads: {
    summary: 'The downloads that have not ended, and the last ones that have',
    method: 'GET',
    path: '/api/downloads',
    reply: Type.Array(Download),
  },
  /** One that is paused or ended stays as it is. @throws DOWNLOAD_NOT_FOUND */
  pauseDownload: {
    summary: 'Stop a download until it is resumed; what came is kept',
    method: 'POST',
    path: '/api/downloads/:id/pause',
    params: params.id,
    reply: Download,
  },
  /** One that is not paused stays as it is. @throws DOWNLOAD_NOT_FOUND */
  resumeDownload: {
    summary: 'Let a paused download go on',
    method: 'POST',
    path: '/api/downloads/:id/resume',
    params: params.id,
    reply: Download,
  },
  limits: {
    summary: 'The limits in force, where each comes from, and what the schedule changes next',
    method: 'GET',
    path: '/api/limits',
    reply: Limits,
  },
  /** @throws DISK_FULL, DISK_FAILED; nothing is changed then */
  changeLimits: {
    summary: 'Change limits; they hold at once and after a restart, until they are given back',
    method: 'PATCH',
    path: '/api/limits',
    body: LimitsChange,
    reply: Limits,
  },
  /** What `confirmDeletes` would confirm. */
  keptFolders: {
    summary: 'The folders whose missing files are kept, and why',
    method: 'GET',
    path: '/api/deletes',
    reply: KeptFolders,
  },
  /** @throws FOLDER_UNAVAILABLE */
  confirmDeletes: {
    summary: 'Say that the files missing from these folders were deleted on purpose',
    method: 'POST',
    path: '/api/deletes/confirm',
    reply: ConfirmedDeletes,
  },
  /** @throws NAME_INVALID, NAME_EXISTS, FOLDER_UNAVAILABLE, DISK_FULL, COPIES_PENDING */
  push: {
    summary: 'Share the bytes of the body as a file',
    method: 'POST',
    path: '/api/files',
    query: query.push,
    upload: true,
    reply: Pushed,
    status: 201,
  },
  /** Also a file that is gone from its owner's disk; what is on disk stays. @throws NOT_SHARED, NOT_OWNER */
  unshare: {
    summary: 'Take a file out of the cluster; its owner keeps it on disk',
    method: 'DELETE',
    path: '/api/files/:name',
    params: params.name,
    query: query.unshare,
    endsWithName: true,
  },
  /** One page of them; a file that fails keeps no other. @throws INDEX_UNREACHABLE, DEADLINE_EXCEEDED */
  unshareMatching: {
    summary: 'Take files that a pattern matches out of the cluster, one page of them',
    method: 'POST',
    path: '/api/unshare',
    body: UnshareRequest,
    reply: UnsharedPage,
  },
} as const satisfies Readonly<Record<string, CallRow>>

type Calls = typeof calls
export type CallName = keyof Calls
export const callNames = Object.keys(calls) as CallName[]

type Fields<Row, Part extends string> =
  Row extends Readonly<Record<Part, infer Schema extends TSchema>> ? Static<Schema> : unknown

/** The bytes of an upload. */
export interface Upload {
  readonly bytes: AsyncIterable<Uint8Array>
  /** How many will come, when that is known: what cannot be taken is then refused before they do. */
  readonly bytesAnnounced?: number | undefined
}

type RequestOfRow<Row> = Fields<Row, 'params'> &
  Fields<Row, 'query'> &
  Fields<Row, 'body'> &
  (Row extends { readonly upload: true } ? Upload : unknown)

type ReplyOfRow<Row> = Row extends { readonly reply: infer Schema extends TSchema }
  ? Row extends { readonly page: infer Field extends string }
    ? /** `next` is there when more follow: the `after` of the next page. Opaque. */ {
        [Key in Field]: Static<Schema>
      } & { next?: string }
    : Static<Schema>
  : void

export type CallRequest<Name extends CallName> = RequestOfRow<Calls[Name]>
export type CallReply<Name extends CallName> = ReplyOfRow<Calls[Name]>

/** A peer, whether it is this process or is asked over HTTP: a method for each call. */
export type PeerApi = {
  [Name in CallName]: unknown extends CallRequest<Name>
    ? (signal?: AbortSignal) => Promise<CallReply<Name>>
    : (request: CallRequest<Name>, signal?: AbortSignal) => Promise<CallReply<Name>>
}
