/** Messages about deleted and renamed files: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { Count, Cursor, described, Millis, Name, PeerId, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'
import { Content, FoundContent } from './shapes.ts'

const Owner = described(PeerId, 'The owner, which deleted it')
const Pattern = Type.String({
  maxLength: limits.queryBytesMax,
  description: 'A name, a folder, or a glob (`*`, `?`, `[..]`, `**`)',
})

export const TrashedFile = Type.Object({
  name: Name,
  owner: Owner,
  ...Content.properties,
  deletedMs: described(Millis, 'When it was deleted, in milliseconds since 1970'),
  keptUntilMs: described(Millis, 'Until when its copies are kept, in milliseconds since 1970'),
  copies: described(Count, 'Live peers that have the content'),
})
/** A deleted file whose copies are kept. */
export type TrashedFile = Static<typeof TrashedFile>

const Place = Type.Object({ owner: described(PeerId, 'The owner of the file'), name: Name })
export const Relabelling = Type.Object({
  from: Place,
  to: Place,
  sha256: Sha256,
  version: Type.Optional(
    described(Sha256, 'Equal to `sha256` if it is kept beside a copy of other content of its file'),
  ),
})
/** A replicated copy, and the file whose name it should get. */
export type Relabelling = Static<typeof Relabelling>

export const trashMessages = {
  trash: {
    summary:
      'Lists deleted files whose copies are kept, by name and then owner. The query is that of `search`.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      query: Type.Optional(Type.String({ maxLength: limits.queryBytesMax })),
      limit: Type.Integer({ minimum: 1, maximum: limits.pageRowsMax }),
      after: Type.Optional(described(Cursor, 'The `next` of the previous page')),
    }),
    reply: Type.Object({
      files: Type.Array(TrashedFile, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(Cursor, 'Present if more follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
  'empty-trash': {
    summary:
      'Permanently removes deleted files: the sender’s own or, with `force`, those of all peers. Their copies are dropped.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      pattern: Type.Optional(described(Pattern, 'Only files that match; by default all')),
      force: Type.Optional(
        Type.Boolean({ description: 'Whether to remove files that other peers deleted as well' }),
      ),
    }),
    reply: Type.Object({
      removed: described(Count, 'Number of files that were removed'),
      others: described(Count, 'Number of files of other peers that matched and stayed'),
    }),
    bulk: false,
  },
  restore: {
    summary:
      'Restores a deleted file. The index asks its owner to fetch it; if the owner is not live, or is the sender, the sender fetches and shares it. If the owner refuses, the error is `RESTORE_REFUSED`.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      name: Name,
      owner: Type.Optional(
        described(
          Owner,
          'The owner; by default the sender or, if it deleted no file of this name, the peer that did so last',
        ),
      ),
    }),
    reply: Type.Object({
      owner: Owner,
      at: described(PeerId, 'The peer that brings it back'),
      content: FoundContent,
    }),
    bulk: false,
  },
  'restore-file': {
    summary:
      'Asks a peer to fetch a file that it deleted and to share it again under its name. Answered when the file is restored, with the error that prevents it or, if it takes longer, after 3 s.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    isLong: true,
    request: Type.Object({ name: Name, content: FoundContent }),
    reply: Type.Object({}),
    bulk: false,
  },
  'restore-failed': {
    summary:
      'Reports that a file could not be restored, when the requester no longer waits: after the answer to `restore-file`, or long after `restore`. It is recorded as an event.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      name: Name,
      sha256: Sha256,
      reason: Type.String({
        maxLength: limits.taskReasonCharactersMax,
        description: 'Why, as one line',
      }),
    }),
    reply: Type.Object({}),
    bulk: false,
  },
  relabel: {
    summary:
      'Asks a peer to move replicated copies to the names of other files with the same content; no bytes are fetched. Only `announce` tells what the peer then holds.',
    from: ['index'],
    to: ['peer'],
    by: rights.index,
    isLong: true,
    request: Type.Object({
      copies: Type.Array(Relabelling, { minItems: 1, maxItems: limits.tasksPerRequestMax }),
    }),
    reply: Type.Object({
      relabelled: Type.Array(
        Type.Boolean({ description: 'One per copy, in the same order: whether it was moved' }),
        { maxItems: limits.tasksPerRequestMax },
      ),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
