/** Messages about what people decide: a part of the table in messages.ts. */
import Type, { type Static } from 'typebox'
import { limits } from '../limits.ts'
import { Count, described, Millis, Name, Sequence } from './fields.ts'
import type { MessageRow } from './message-row.ts'
import { rights } from './rights.ts'

const Factor = Type.Integer({
  minimum: 1,
  maximum: limits.replicationFactorMax,
  description: 'Number of copies to keep',
})
const Pattern = Type.String({
  minLength: 1,
  maxLength: limits.queryBytesMax,
  description: 'A glob, a file, or a folder: `photos` means `photos/**`',
})

const ReplicationRule = Type.Object({
  pattern: Pattern,
  factor: Factor,
  changedMs: described(Millis, 'When it was set, in milliseconds since 1970'),
})

const LogId = Type.String({
  pattern: '^[0-9a-f]{16}$',
  description: 'The log to which revisions belong: random, new with each database of an index',
})
const Revision = described(Sequence, 'The number of a record in its log')

export const IntentState = Type.Object({
  logId: LogId,
  revision: described(Sequence, 'All records of that log up to this one'),
})
export type IntentState = Static<typeof IntentState>

export const OtherIntent = described(
  IntentState,
  'Decisions that the peer stores for another index, which decides while this one is away: in a mesh, for the peer’s own index or for that of the cluster',
)

export const IntentRecord = Type.Object({
  kind: Type.String({ maxLength: 32, description: 'The kind of decision, such as `unshared`' }),
  key: Type.String({ maxLength: limits.intentKeyMax, description: 'What it is about' }),
  value: Type.Union([Type.String({ maxLength: limits.intentValueMax }), Type.Null()], {
    description: 'JSON; null once it was revoked',
  }),
  changedMs: described(Millis, 'When it was decided, in milliseconds since 1970'),
  revision: Revision,
})
/** A decision as peers keep it. */
export type IntentRecord = Static<typeof IntentRecord>

export const intentMessages = {
  'keep-intent': {
    summary:
      'Asks a peer to store decisions that exist nowhere else, in case the index loses its disk. Pages of one log continue each other; with the last page, a log replaces any other.',
    from: ['index'],
    to: ['peer'],
    by: rights.index,
    isLong: true,
    request: Type.Object({
      logId: LogId,
      after: described(Sequence, 'The `revision` of the previous page; 0 for the first of a log'),
      revision: described(Sequence, 'All records up to this one have been sent'),
      isLast: Type.Boolean({ description: 'Whether the index has no more at present' }),
      records: Type.Array(IntentRecord, { maxItems: limits.intentRecordsPerPage }),
    }),
    reply: Type.Object({
      revision: described(
        Sequence,
        'The last record of that log that the peer has; less if a page is missing',
      ),
    }),
    bulk: false,
  },
  'read-intent': {
    summary:
      'Reads the decisions that a peer stores, for an index that may have lost its own. Of two decisions on a key, the later one wins.',
    from: ['index', 'peer'],
    to: ['peer'],
    by: rights.coordination,
    isReplyLong: true,
    request: Type.Object({
      after: described(Sequence, 'The last revision read; 0 at first'),
      limit: Type.Integer({ minimum: 1, maximum: limits.intentRecordsPerPage }),
      logId: Type.Optional(described(LogId, 'Which log; absent: the one kept for the sender')),
    }),
    reply: Type.Object({
      records: Type.Array(IntentRecord, {
        maxItems: limits.intentRecordsPerPage,
        description: 'In the order of their revisions; none at the end',
      }),
    }),
    bulk: false,
  },
  'set-replication': {
    summary:
      'Sets how many copies to keep of the files that match a pattern; durable once answered. Of the rules that match a name, the one set last applies.',
    from: ['peer'],
    to: ['index'],
    by: rights.administration,
    request: Type.Object({
      pattern: Pattern,
      factor: Type.Optional(
        described(Factor, 'Number of copies to keep; absent: removes the rule'),
      ),
    }),
    reply: Type.Object({
      peers: described(
        Count,
        'Peers that are neither dead nor draining: more copies than that cannot be made',
      ),
    }),
    bulk: false,
  },
  'replication-rules': {
    summary: 'Lists the replication rules, the one set last first.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    isReplyLong: true,
    request: Type.Object({}),
    reply: Type.Object({
      byDefault: described(Factor, 'Number of copies of files that no rule matches'),
      rules: Type.Array(ReplicationRule, { maxItems: limits.replicationRulesMax }),
    }),
    bulk: false,
  },
  'replication-of': {
    summary:
      'Returns how many copies are kept of a file of this name, whether it exists or not. A content with several names gets the highest of their numbers: `why` has the result.',
    from: ['peer', 'client'],
    to: ['index'],
    by: rights.reading,
    request: Type.Object({ name: Name }),
    reply: Type.Object({
      factor: Factor,
      rule: Type.Optional(
        Type.Object(ReplicationRule.properties, { description: 'The rule that applies, if any' }),
      ),
    }),
    bulk: false,
  },
} as const satisfies Record<string, MessageRow>
