/** Shapes of the calls about files: finding, listing, sharing, unsharing, and the trash. */
import Type, { type Static } from 'typebox'
import { limits } from '../../common/limits.ts'
import { messages } from '../../common/protocol/messages.ts'
import { next, Sha256 } from './call-parts.ts'
import { Problem } from './problem-shapes.ts'

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

export const ConfirmedDeletes = Type.Object({
  /** Files that count as deleted. */
  files: Type.Integer(),
})
export type ConfirmedDeletes = Static<typeof ConfirmedDeletes>

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
