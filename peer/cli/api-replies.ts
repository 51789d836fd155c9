/** Checks what a peer's HTTP API answers. Loaded only when there is an answer: schemas take longer to load than all the rest. */
import Type, { type Static } from 'typebox'
import { Errors } from 'typebox/schema'
import {
  ApiError,
  Download,
  Limits,
  ListedFile,
  Lookup,
  Peers,
  Problems,
  Pushed,
  SearchPage,
  Stats,
  Status,
  Why,
} from '../api.ts'

const replies = {
  download: Download,
  downloads: Type.Array(Download),
  files: Type.Array(ListedFile),
  limits: Limits,
  lookup: Lookup,
  peers: Peers,
  problems: Problems,
  pushed: Pushed,
  refusal: ApiError,
  searchPage: SearchPage,
  stats: Stats,
  status: Status,
  why: Why,
} as const

export type ReplyKind = keyof typeof replies
export type ReplyOfKind<Kind extends ReplyKind> = Static<(typeof replies)[Kind]>

/** What keeps `body` from being a reply of this kind; undefined when nothing does. */
export function problemWith(kind: ReplyKind, body: unknown): string | undefined {
  const [isGood, [problem]] = Errors(replies[kind], body)
  if (isGood) return undefined
  return `${problem?.instancePath || '/'} ${problem?.message ?? 'does not fit'}`
}
