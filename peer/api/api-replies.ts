/**
 * What a peer's HTTP API answers. Commands take the types alone: `npm run docs` writes the schemas into
 * reply-shapes.json, because loading what makes them takes longer than all that a command does.
 */
import Type, { type Static } from 'typebox'
import {
  ApiError,
  ConfirmedDeletes,
  Download,
  KeptFolders,
  Limits,
  ListedFile,
  Lookup,
  Peers,
  Problems,
  Pushed,
  SearchPage,
  Stats,
  Status,
  UnsharedPage,
  Versions,
  Why,
} from './peer-api.ts'

export const replies = {
  confirmedDeletes: ConfirmedDeletes,
  download: Download,
  downloads: Type.Array(Download),
  files: Type.Array(ListedFile),
  keptFolders: KeptFolders,
  limits: Limits,
  lookup: Lookup,
  peers: Peers,
  problems: Problems,
  pushed: Pushed,
  refusal: ApiError,
  searchPage: SearchPage,
  stats: Stats,
  status: Status,
  unsharedPage: UnsharedPage,
  versions: Versions,
  why: Why,
} as const

export type ReplyKind = keyof typeof replies
export type ReplyOfKind<Kind extends ReplyKind> = Static<(typeof replies)[Kind]>
