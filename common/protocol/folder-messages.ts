/** The message that lists a folder: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { ContentBytes, Count, Cursor, described, Millis, Sha256 } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const ChildName = Type.String({
  minLength: 1,
  maxLength: limits.nameSegmentBytesMax,
  description: 'Its name without the folder',
})
export const FolderEntry = Type.Union([
  Type.Object({ type: Type.Literal('folder'), name: ChildName }),
  Type.Object({
    type: Type.Literal('file'),
    name: ChildName,
    sha256: described(Sha256, 'Of the content that a lookup lists first'),
    size: ContentBytes,
    modifiedMs: described(Millis, 'When the file was modified, in milliseconds since 1970'),
    copies: described(Count, 'Live peers that have the content'),
    versions: described(Count, 'The number of contents that files of this name have now'),
  }),
])
/** A folder or a file in a folder. */
export type FolderEntry = Static<typeof FolderEntry>

const Folder = Type.String({
  maxLength: limits.nameBytesMax,
  description: 'A folder, without `/` at its ends; empty for the top',
})

export const folderMessages = {
  'list-folder': {
    summary:
      'Lists the files and folders directly in a folder, sorted by name in UTF-8, folders as if their names ended with `/`. A name that is both is listed twice; an unknown folder is empty.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({
      folder: Folder,
      limit: Type.Integer({
        minimum: 1,
        maximum: limits.pageRowsMax,
        description: 'Maximum number of rows in the page',
      }),
      after: Type.Optional(described(Cursor, 'The `next` of the previous page')),
    }),
    reply: Type.Object({
      folder: Folder,
      entries: Type.Array(FolderEntry, { maxItems: limits.pageRowsMax }),
      next: Type.Optional(
        described(Cursor, 'Present if more may follow: the `after` of the next page'),
      ),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
