/** Messages by which peers learn of changes: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { described } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

export const changeTopics = ['files', 'peers', 'status', 'events'] as const
export type ChangeTopic = (typeof changeTopics)[number]

const Topic = described(
  Type.Union([
    Type.Literal('files'),
    Type.Literal('peers'),
    Type.Literal('status'),
    Type.Literal('events'),
  ]),
  'Which query has another answer now: names, contents or copies; `peers`; `status`; `events`',
)

const ChangeCursor = Type.String({
  pattern: '^[0-9a-z]{1,16}(-[0-9]{1,16}){4}$',
  description: 'A state of the index. Another run of the index does not know it',
})

const AwaitedChanges = Type.Object({
  cursor: described(ChangeCursor, 'The present state: the `after` of the next request'),
  topics: Type.Array(Topic, {
    maxItems: changeTopics.length,
    description: 'What has changed since `after`; empty after a timeout',
  }),
})
export type AwaitedChanges = Static<typeof AwaitedChanges>

export const changeMessages = {
  'await-changes': {
    summary:
      'Answers once something has changed since a cursor, or after a timeout. Changes are grouped, so that a peer that keeps asking (long polling) gets at most four answers per second. Without a cursor, or with one of another run of the index, everything has changed.',
    from: ['peer'],
    to: ['index'],
    by: rights.sharing,
    request: Type.Object({
      after: Type.Optional(described(ChangeCursor, 'The `cursor` of the previous answer')),
    }),
    reply: AwaitedChanges,
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
