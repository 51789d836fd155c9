/** Messages about what people decide: a part of the table in messages.ts. */
import Type from 'typebox'
import { limits } from '../limits.ts'
import { Count, described, Millis, Name } from './fields.ts'
import type { MessageRow } from './message-row.ts'

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

export const intentMessages = {
  'set-replication': {
    summary:
      'Sets how many copies to keep of the files that match a pattern; durable once answered. Of the rules that match a name, the one set last applies.',
    from: ['peer'],
    to: ['index'],
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
      'Tells how many copies are kept of a file of this name, whether it exists or not. A content with several names gets the most that one of them wants: `why` has the result.',
    from: ['peer', 'client'],
    to: ['index'],
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
