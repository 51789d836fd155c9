/**
 * THE table of calls: what users and programs can ask of a running peer, and where each field of a
 * request goes over HTTP. {@link PeerApi}, the routes, OpenAPI, the HTTP client and its validation of
 * replies are derived from it.
 */
import Type, { type Static, type TSchema } from 'typebox'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import { idParams, waitQuery } from './call-parts.ts'
import type { CallRow } from './call-row.ts'
import { EventPage, Peers } from './cluster-shapes.ts'
import { Download, DownloadRequest } from './download-shapes.ts'
import {
  ConfirmedDeletes,
  EmptiedTrash,
  Folder,
  FoundByHash,
  ListedFile,
  Lookup,
  Pushed,
  Restored,
  TrashPage,
  UnsharedPage,
  UnshareRequest,
  Versions,
  Why,
} from './file-shapes.ts'
import { followCalls } from './follow-calls.ts'
import { historyCalls } from './history-calls.ts'
import { Limits, LimitsChange } from './limit-shapes.ts'
import { memberCalls } from './member-calls.ts'
import { meshCalls } from './mesh-calls.ts'
import { planCalls } from './plan-calls.ts'
import { Problems } from './problem-shapes.ts'
import { replicationCalls } from './replication-calls.ts'
import { scrubCalls } from './scrub-calls.ts'
import { KeptFolders, Stats, Status } from './status-shapes.ts'

export type { CallRow } from './call-row.ts'

const page = {
  limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax, default: limits.pageRowsMax }),
  after: Type.Optional(Type.String({ description: 'The `next` of the previous page.' })),
}
const fileName = Type.String({ description: 'Full name of a file.' })
const query = {
  page: Type.Object(page),
  name: Type.Object({ name: fileName }),
  versions: Type.Object({ name: fileName, ...page }),
  search: Type.Object({
    q: Type.String({ maxLength: limits.queryBytesMax, default: '' }),
    ...page,
  }),
  folder: Type.Object({
    folder: Type.String({
      maxLength: limits.nameBytesMax,
      default: '',
      description: 'Such as `photos/2026`. Default: the top.',
    }),
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
      { default: 'both', description: 'remote: only on other peers. both: all kinds.' },
    ),
    ...page,
  }),
  events: Type.Object({
    ...messages.events.request.properties,
    kinds: Type.Optional(
      Type.String({ maxLength: 1_000, description: 'Only these kinds, separated by commas.' }),
    ),
    limit: page.limit,
  }),
  wait: waitQuery,
  push: Type.Object({
    name: Type.String({ description: 'Name in shared/.' }),
    replace: Type.Boolean({
      default: false,
      description: 'Whether to replace a file of this name that has different content.',
    }),
    wait: Type.Boolean({
      default: false,
      description: 'Whether to reply only when the file has all its copies.',
    }),
    modifiedMs: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: limits.modifiedMsMax,
        description: 'When the file was modified, in milliseconds since 1970. Default: now.',
      }),
    ),
  }),
  unshare: Type.Object({
    owner: Type.Optional(Type.String({ description: 'Default: this peer.' })),
    force: Type.Optional(
      Type.Boolean({
        default: false,
        description: 'Whether to remove a file of another peer.',
      }),
    ),
  }),
}
const params = {
  id: idParams,
  peerId: Type.Object({ peerId: Type.String() }),
  name: Type.Object({ name: Type.String({ description: 'Percent-encoded.' }) }),
  sha256: messages['find-content'].request,
}

/** Every call may fail with an AppError; its HTTP status is in the error table. */
export const calls = {
  /** @throws NAME_INVALID, NAME_NOT_FOUND, INDEX_UNREACHABLE */
  lookup: {
    summary: 'List the peers that have a file',
    method: 'GET',
    path: '/api/lookup',
    query: query.name,
    reply: Lookup,
  },
  /** @throws CONTENT_NOT_FOUND, INDEX_UNREACHABLE */
  findContent: {
    summary: 'Find a name of a content by its SHA-256',
    method: 'GET',
    path: '/api/contents/:sha256',
    params: params.sha256,
    reply: FoundByHash,
  },
  /** @throws INDEX_UNREACHABLE */
  search: {
    summary: 'Search file names by substring or glob',
    method: 'GET',
    path: '/api/search',
    query: query.search,
    reply: messages.search.reply,
  },
  /** Sorted by name, folders as if it ended with `/`. @throws NAME_INVALID, INDEX_UNREACHABLE */
  folder: {
    summary: 'List the files and folders directly in a folder',
    method: 'GET',
    path: '/api/folders',
    query: query.folder,
    reply: Folder,
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
  /** Also explains why this peer does not share a file, even one with an invalid name. @throws NAME_NOT_FOUND, NAME_INVALID */
  why: {
    summary: 'Show where the copies of a file are, and why copies are missing',
    method: 'GET',
    path: '/api/why',
    query: query.name,
    reply: Why,
  },
  /** By path. @throws BAD_REQUEST when `after` is not the `next` of a page */
  problems: {
    summary: "List files in this peer's folders that are not shared, with remedies",
    method: 'GET',
    path: '/api/problems',
    query: query.page,
    reply: Problems,
  },
  /** @throws NAME_INVALID, NAME_NOT_FOUND, FILE_DELETED, BAD_REQUEST */
  versions: {
    summary: 'List the current content of a file and the replaced ones that are kept',
    method: 'GET',
    path: '/api/versions',
    query: query.versions,
    reply: Versions,
  },
  /** By id. @throws BAD_REQUEST, INDEX_UNREACHABLE */
  peers: {
    summary: 'List the peers that the index knows; a Link header names the next page',
    method: 'GET',
    path: '/api/peers',
    query: query.page,
    reply: Peers,
    page: 'peers',
  },
  stats: {
    summary: 'Show the performance of this peer',
    method: 'GET',
    path: '/api/stats',
    reply: Stats,
  },
  status: {
    summary: 'Show the state of the cluster and this peer',
    method: 'GET',
    path: '/api/status',
    reply: Status,
  },
  /** Joins a running download of the same file, if there is one. @throws NAME_INVALID, TOO_MANY_DOWNLOADS, NO_SOURCE */
  startDownload: {
    summary: 'Start a download',
    method: 'POST',
    path: '/api/downloads',
    body: DownloadRequest,
    reply: Download,
    status: 202,
    location: '/api/downloads/:id',
  },
  /** Returns when the download ends or is paused, or after `waitMs`. @throws DOWNLOAD_NOT_FOUND */
  download: {
    summary: 'Get a download once it ends, or after waitMs',
    method: 'GET',
    path: '/api/downloads/:id',
    params: params.id,
    query: query.wait,
    reply: Download,
  },
  /** Removes the partial data; no effect on a finished download. @throws DOWNLOAD_NOT_FOUND */
  cancelDownload: {
    summary: 'Cancel a download',
    method: 'DELETE',
    path: '/api/downloads/:id',
    params: params.id,
  },
  /** In the order of their starts. @throws BAD_REQUEST when `after` is not the `next` of a page */
  downloads: {
    summary:
      'List unfinished downloads and the most recent finished ones; a Link header names the next page',
    method: 'GET',
    path: '/api/downloads',
    query: query.page,
    reply: Type.Array(Download),
    page: 'downloads',
  },
  /** No effect on a paused or finished download. @throws DOWNLOAD_NOT_FOUND */
  pauseDownload: {
    summary: 'Pause a download; its partial data is kept',
    method: 'POST',
    path: '/api/downloads/:id/pause',
    params: params.id,
    reply: Download,
  },
  /** No effect unless the download is paused. @throws DOWNLOAD_NOT_FOUND */
  resumeDownload: {
    summary: 'Resume a paused download',
    method: 'POST',
    path: '/api/downloads/:id/resume',
    params: params.id,
    reply: Download,
  },
  limits: {
    summary: 'Show the limits in force, their origins, and the next scheduled change',
    method: 'GET',
    path: '/api/limits',
    reply: Limits,
  },
  /** @throws DISK_FULL, DISK_FAILED, without changing anything */
  changeLimits: {
    summary: 'Change limits immediately; changes survive restarts until reset',
    method: 'PATCH',
    path: '/api/limits',
    body: LimitsChange,
    reply: Limits,
  },
  /** Lists what `confirmDeletes` would confirm. */
  keptFolders: {
    summary: 'List the folders whose missing files keep their entries, and why',
    method: 'GET',
    path: '/api/deletes',
    reply: KeptFolders,
  },
  /** @throws FOLDER_UNAVAILABLE */
  confirmDeletes: {
    summary: 'Declare the files missing from these folders deleted',
    method: 'POST',
    path: '/api/deletes/confirm',
    reply: ConfirmedDeletes,
  },
  /** Newest first; with `after` oldest first. @throws BAD_REQUEST, INDEX_UNREACHABLE */
  events: {
    summary:
      'List what happened to copies and peers; `next` is a cursor that stays valid. With `Accept: text/event-stream`: a stream of all changes',
    method: 'GET',
    path: '/api/events',
    query: query.events,
    reply: EventPage,
  },
  ...followCalls,
  ...historyCalls,
  ...planCalls,
  ...replicationCalls,
  /** @throws NAME_INVALID, NAME_IGNORED, NAME_EXISTS, FOLDER_UNAVAILABLE, DISK_FULL, COPIES_PENDING */
  push: {
    summary: 'Share the body as a file',
    method: 'POST',
    path: '/api/files',
    query: query.push,
    upload: true,
    reply: Pushed,
    status: 201,
  },
  /** A file on disk is kept. @throws NOT_SHARED, NOT_OWNER, FILE_DELETED */
  unshare: {
    summary: 'Remove a file from the cluster; its owner keeps it on disk',
    method: 'DELETE',
    path: '/api/files/:name',
    params: params.name,
    query: query.unshare,
    endsWithName: true,
  },
  /** By name, then owner. @throws INDEX_UNREACHABLE */
  trash: {
    summary: 'List deleted files that can be restored, by substring or glob',
    method: 'GET',
    path: '/api/trash',
    query: query.search,
    reply: TrashPage,
  },
  /** @throws INDEX_UNREACHABLE */
  emptyTrash: {
    summary: 'Permanently remove deleted files: those that this peer deleted, or all with `force`',
    method: 'POST',
    path: '/api/trash/empty',
    body: Type.Object({
      pattern: Type.Optional(
        Type.String({
          maxLength: limits.queryBytesMax,
          description: 'A name, a folder, or a glob. Default: all.',
        }),
      ),
      force: Type.Optional(Type.Boolean({ default: false })),
    }),
    reply: EmptiedTrash,
  },
  /** Returns when the file is shared again, or is still being fetched after a while. @throws NOT_IN_TRASH, NAME_EXISTS, NO_SOURCE */
  restore: {
    summary: 'Restore a deleted file under its name',
    method: 'POST',
    path: '/api/trash/restore',
    body: Type.Object({
      name: Type.String(),
      owner: Type.Optional(Type.String({ description: 'Default: the peer that deleted it last.' })),
    }),
    reply: Restored,
  },
  /** Failures of single files do not stop the others. @throws INDEX_UNREACHABLE, DEADLINE_EXCEEDED */
  unshareMatching: {
    summary: 'Remove one page of the files that match a pattern from the cluster',
    method: 'POST',
    path: '/api/unshare',
    body: UnshareRequest,
    reply: UnsharedPage,
  },
  ...scrubCalls,
  ...meshCalls,
  ...memberCalls,
} as const satisfies Readonly<Record<string, CallRow>>

type Calls = typeof calls
export type CallName = keyof Calls
export const callNames = Object.keys(calls) as CallName[]

type Fields<Row, Part extends string> =
  Row extends Readonly<Record<Part, infer Schema extends TSchema>> ? Static<Schema> : unknown

/** An upload's data. */
export interface Upload {
  readonly bytes: AsyncIterable<Uint8Array>
  /** Total number, if known: lets the peer refuse the upload before any byte is sent. */
  readonly bytesAnnounced?: number | undefined
}

type RequestOfRow<Row> = Fields<Row, 'params'> &
  Fields<Row, 'query'> &
  Fields<Row, 'body'> &
  (Row extends { readonly upload: true } ? Upload : unknown)

type ReplyOfRow<Row> = Row extends { readonly reply: infer Schema extends TSchema }
  ? Row extends { readonly page: infer Field extends string }
    ? /** `next` is the `after` of the next page, if any. Opaque. */ {
        [Key in Field]: Static<Schema>
      } & { next?: string }
    : Static<Schema>
  : void

export type CallRequest<Name extends CallName> = RequestOfRow<Calls[Name]>
export type CallReply<Name extends CallName> = ReplyOfRow<Calls[Name]>

/** A peer, in this process or over HTTP: a method for each call. */
export type PeerApi = {
  [Name in CallName]: unknown extends CallRequest<Name>
    ? (signal?: AbortSignal) => Promise<CallReply<Name>>
    : (request: CallRequest<Name>, signal?: AbortSignal) => Promise<CallReply<Name>>
}
